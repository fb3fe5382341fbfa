"""What Sentinel-1 backscatter is: gamma0, terrain corrected, two polarisations.

The tile store holds linear power, because averaging and resampling are only right there; H5 files and
everything behind them hold decibels. `storage="power_to_db"` asks the converter for that change.
"""

from __future__ import annotations

from olmoearth_core.errors import OtherModality
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics

NAME = "sentinel1"
PIXELS = 77_754_283_008
"""Pixels of the published training set behind the measured statistics."""


def sentinel1() -> ModalitySpec:
    """Sentinel-1 C-band radar (5.405 GHz), interferometric wide swath, VV and VH, radiometrically terrain corrected.

    Backscatter below 1e-10 becomes -100 dB. Any pixel of value -32768 removes the modality from the sample.
    Product guide: https://sentiwiki.copernicus.eu/web/s1-products
    """
    return ModalitySpec(
        name=NAME,
        band_sets=(BandSet(("vv", "vh"), 16),),
        grid_factor=16,
        multitemporal=True,
        storage="power_to_db",
        dtype="float32",
        nodata=-32768.0,
        drop_rules=("any_nan", "any_nodata"),
        units="dB in H5 (linear gamma0 in the GeoTIFF)",
        quantity="linear_power",
        contract=("power_not_decibel",),
        valid_range=(-100.0, 50.0),
        resampling="bilinear",
        normalization="computed",
        statistics={
            "vv": Statistics(-11.648990747328444, 10.840350299936597, -50.0, 0.0, PIXELS),
            "vh": Statistics(-17.745436133270044, 10.216274681392647, -50.0, 0.0, PIXELS),
        },
        title="Sentinel-1 gamma0 backscatter, radiometrically terrain corrected",
        licence="Copernicus Sentinel data terms (free, full and open); RTC processing by Planetary Computer: CC-BY-4.0",
        citation="Contains modified Copernicus Sentinel data, processed by ESA and Microsoft Planetary Computer",
        source="https://planetarycomputer.microsoft.com/dataset/sentinel-1-rtc",
    )


def require_modality(source: str, spec: ModalitySpec) -> None:
    """Refuse to give radar for the modality of another sensor.

    Raises:
        OtherModality: names both.
    """
    if spec.name != NAME:
        raise OtherModality(f"{source}: Sentinel-1 is the modality {NAME}, but {spec.name} was asked for. Ask for it.")
