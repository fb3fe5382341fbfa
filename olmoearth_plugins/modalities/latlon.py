"""What a place is: two numbers per sample, written to every file and computed from the grid, never measured."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics


def latlon() -> ModalitySpec:
    """Latitude and longitude of a sample's centre in degrees (EPSG:4326), in this order.

    Source: computed from the tile grid, or from the window that an importer cut.
    """
    return ModalitySpec(
        name="latlon",
        band_sets=(BandSet(("lat", "lon"), 0),),
        grid_factor=0,
        multitemporal=False,
        parsed=False,
        dtype="float32",
        units="degrees",
        valid_range=(-180.0, 180.0),
        normalization="predefined",
        statistics={"lat": Statistics(minimum=-90.0, maximum=90.0), "lon": Statistics(minimum=-180.0, maximum=180.0)},
        title="Latitude and longitude",
        licence="none needed (computed)",
        citation="WGS 84 (EPSG:4326)",
        source="computed from the tile grid",
    )
