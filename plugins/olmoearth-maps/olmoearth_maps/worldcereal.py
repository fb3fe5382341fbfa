"""What WorldCereal is: eight yes-or-no maps of crops and irrigation for the year 2021."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics

PRODUCTS = (
    "annual-temporarycrops",
    "maize-main-irrigation",
    "maize-main-maize",
    "maize-second-irrigation",
    "maize-second-maize",
    "springcereals-springcereals",
    "wintercereals-irrigation",
    "wintercereals-wintercereals",
)
BANDS = tuple(f"tc-{product}-classification" for product in PRODUCTS)


def worldcereal() -> ModalitySpec:
    """ESA WorldCereal 10 m 2021 v100, classification layers: 100 = the class, 0 = another or absent.

    The product's 254 (not cropland) and 255 (no data) are stored as 0, and so is a layer that was never made here.
    Product guide: https://esa-worldcereal.org/en/products/global-maps
    """
    return ModalitySpec(
        name="worldcereal",
        band_sets=(BandSet(BANDS, 16),),
        grid_factor=16,
        multitemporal=False,
        dtype="float32",
        nodata=255.0,
        units="classification value clamped into 0..100",
        quantity="class_probability",
        valid_range=(0.0, 100.0),
        normalization="predefined",
        statistics=dict.fromkeys(BANDS, Statistics(minimum=0.0, maximum=100.0)),
        title="Crops and irrigation (ESA WorldCereal 2021)",
        licence="CC-BY-4.0",
        citation="Van Tricht et al. 2023, WorldCereal, Earth System Science Data 15, doi:10.5194/essd-15-5491-2023",
        source="https://doi.org/10.5281/zenodo.7875104",
    )
