"""What the map is before it is burnt in: GeoJSON features, which no sample ever holds."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec
from olmoearth_openstreetmap.categories import CATEGORIES


def openstreetmap() -> ModalitySpec:
    """OpenStreetMap features as GeoJSON in metres of the tile's UTM zone, each with its category.

    Not parsed and without statistics: rasterise it to `openstreetmap_raster` to train on it. Its resolution factor of 1
    is nominal, its file names say 10.
    Tag guide: https://wiki.openstreetmap.org/wiki/Map_features
    """
    return ModalitySpec(
        name="openstreetmap",
        band_sets=(BandSet(CATEGORIES, 1),),
        grid_factor=16,
        multitemporal=False,
        parsed=False,
        units="features",
        title="Map features (OpenStreetMap), vector",
        licence="ODbL-1.0",
        citation="© OpenStreetMap contributors, https://www.openstreetmap.org/copyright",
        source="https://planet.openstreetmap.org",
    )
