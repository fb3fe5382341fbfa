"""What monthly weather is as an image, on a 160 m grid; kept for data sets that hold it, read by no loader."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec
from olmoearth_era5.monthly_point import MEAN_AND_STD


def era5() -> ModalitySpec:
    """ERA5-Land monthly means resampled to a 160 m grid; the real pixel is about 9 km.

    Not parsed and without statistics: train on `era5_10`.
    Product guide: https://confluence.ecmwf.int/display/CKB/ERA5-Land:+data+documentation
    """
    return ModalitySpec(
        name="era5",
        band_sets=(BandSet(tuple(MEAN_AND_STD), 256),),
        grid_factor=256,
        multitemporal=True,
        parsed=False,
        dtype="float32",
        units="K, K, Pa, m/s, m/s, m",
        quantity="weather",
        resampling="bilinear",
        title="Monthly weather (ERA5-Land), 160 m grid",
        licence="CC-BY-4.0 (Copernicus Climate Change Service)",
        citation="Muñoz-Sabater et al. 2021, ERA5-Land, Earth System Science Data 13, doi:10.5194/essd-13-4349-2021",
        source="https://doi.org/10.24381/cds.68d2bb30",
    )
