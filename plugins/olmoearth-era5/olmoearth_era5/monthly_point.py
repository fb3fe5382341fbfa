"""What monthly weather is: six variables of ERA5-Land, one value per month for a whole tile."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics

VALUES = 1_033_488
"""Values of the published training set behind the measured statistics."""

MEAN_AND_STD = {
    "2m-temperature": (294.50472126252856, 8.411936534534556),
    "2m-dewpoint-temperature": (285.4559527246544, 9.404737682243573),
    "surface-pressure": (93020.7548015346, 9569.325560265575),
    "10m-u-component-of-wind": (-0.34763355416884184, 1.292515224265983),
    "10m-v-component-of-wind": (0.1255414511094536, 1.1178926517853272),
    "total-precipitation": (0.0027392657043728242, 0.003682535319040505),
}
"""Per variable, in the units of the product; its keys fix the channel order."""


def era5_10() -> ModalitySpec:
    """ERA5-Land monthly means (0.1 degree), 12 months, one value per tile: a 1 x 1 pixel image of 2560 m.

    Sea is 0 in the tile store, and a tile that is 0 throughout is dropped.
    Product guide: https://confluence.ecmwf.int/display/CKB/ERA5-Land:+data+documentation
    """
    return ModalitySpec(
        name="era5_10",
        band_sets=(BandSet(tuple(MEAN_AND_STD), 4096),),
        grid_factor=16,
        size_factor=-256,
        multitemporal=True,
        dtype="float32",
        drop_rules=("any_nan", "all_zero"),
        units="K, K, Pa, m/s, m/s, m",
        quantity="weather",
        resampling="bilinear",
        normalization="computed",
        statistics={name: Statistics(mean, std, count=VALUES) for name, (mean, std) in MEAN_AND_STD.items()},
        title="Monthly weather (ERA5-Land), one value per tile",
        licence="CC-BY-4.0 (Copernicus Climate Change Service)",
        citation="Muñoz-Sabater et al. 2021, ERA5-Land, Earth System Science Data 13, doi:10.5194/essd-13-4349-2021",
        source="https://doi.org/10.24381/cds.68d2bb30",
    )
