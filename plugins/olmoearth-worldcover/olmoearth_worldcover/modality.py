"""What ESA WorldCover is: one land-cover code per 10 m pixel, for the year 2021."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics

CLASSES = {
    10: "Tree cover",
    20: "Shrubland",
    30: "Grassland",
    40: "Cropland",
    50: "Built-up",
    60: "Bare / sparse vegetation",
    70: "Snow and ice",
    80: "Permanent water bodies",
    90: "Herbaceous wetland",
    95: "Mangroves",
    100: "Moss and lichen",
}
"""Code -> name, in the order that fixes the channels of `worldcover_onehot`."""


def worldcover() -> ModalitySpec:
    """ESA WorldCover 10 m 2021 v200, class codes 10 to 100 (not indices).

    0 is the product's fill; it and unknown codes stay values like any other. For the published models the codes are
    normalised as if they were a continuous quantity.
    Product guide: https://worldcover2021.esa.int/data/docs/WorldCover_PUM_V2.0.pdf
    """
    return ModalitySpec(
        name="worldcover",
        band_sets=(BandSet(("B1",), 16),),
        grid_factor=16,
        multitemporal=False,
        dtype="uint8",
        nodata=0.0,
        units="ESA class code",
        quantity="class_code",
        contract=("whole_numbers",),
        codes=tuple(CLASSES),
        valid_range=(10.0, 100.0),
        normalization="computed",
        statistics={"B1": Statistics(34.04615796218091, 24.232421963981864, 0.0, 100.0, 6_730_657_536)},
        title="Land cover (ESA WorldCover 2021)",
        licence="CC-BY-4.0",
        citation="Zanaga et al. 2022, ESA WorldCover 10 m 2021 v200, doi:10.5281/zenodo.7254221",
        source="https://esa-worldcover.org",
    )
