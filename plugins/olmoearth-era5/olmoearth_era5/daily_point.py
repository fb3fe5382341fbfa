"""What daily weather is: fourteen variables of ERA5-Land, one value per day for a whole tile."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec

UNITS = {
    "d2m": "K",
    "e": "m w.e.",
    "pev": "m w.e.",
    "ro": "m",
    "sp": "Pa",
    "ssr": "J/m2",
    "ssrd": "J/m2",
    "str": "J/m2",
    "swvl1": "m3/m3",
    "swvl2": "m3/m3",
    "t2m": "K",
    "tp": "m",
    "u10": "m/s",
    "v10": "m/s",
}
"""ECMWF short name -> unit; its keys fix the channel order."""


def era5l_day_10() -> ModalitySpec:
    """ERA5-Land daily aggregates (UTC days, 0.1 degree), up to 720 days, one value per tile.

    No statistics were measured, so it can be stored but not normalised. -9999 anywhere removes it from the sample.
    Product guide: https://confluence.ecmwf.int/display/CKB/ERA5-Land:+data+documentation
    """
    return ModalitySpec(
        name="era5l_day_10",
        band_sets=(BandSet(tuple(UNITS), 4096),),
        grid_factor=16,
        size_factor=-256,
        multitemporal=True,
        dtype="float32",
        nodata=-9999.0,
        drop_rules=("any_nan", "has_-9999"),
        units=", ".join(UNITS.values()),
        quantity="weather",
        title="Daily weather (ERA5-Land), one value per tile",
        licence="CC-BY-4.0 (Copernicus Climate Change Service)",
        citation="Muñoz-Sabater et al. 2021, ERA5-Land, Earth System Science Data 13, doi:10.5194/essd-13-4349-2021",
        source="https://doi.org/10.24381/cds.e9c9c792",
    )
