"""What elevation is: the shuttle's radar survey of February 2000, one static layer of whole metres."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics


def srtm() -> ModalitySpec:
    """SRTM elevation in metres above the EGM96 geoid, 60 N to 56 S, 1 arc second where available, else 3.

    A model of another origin may be stored under this name if its provenance is kept. -32768 marks a void.
    Product guide: https://lpdaac.usgs.gov/documents/179/SRTM_User_Guide_V3.pdf
    """
    return ModalitySpec(
        name="srtm",
        band_sets=(BandSet(("srtm",), 16),),
        grid_factor=16,
        multitemporal=False,
        dtype="int32",
        nodata=-32768.0,
        units="metres",
        quantity="meters",
        valid_range=(-500.0, 9000.0),
        normalization="computed",
        statistics={"srtm": Statistics(677.0219719644446, 993.1721306513513, 0.0, 8000.0, 6_703_263_488)},
        title="Elevation (SRTM)",
        licence="public domain (NASA, U.S. Geological Survey)",
        citation="NASA JPL 2013, SRTM Global 1 arc second, doi:10.5067/MEaSUREs/SRTM/SRTMGL1.003",
        source="https://lpdaac.usgs.gov/products/srtmgl1v003/",
    )
