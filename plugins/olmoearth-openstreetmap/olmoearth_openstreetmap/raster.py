"""What the burnt-in map is: one channel of 0 or 1 per kind of feature."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics
from olmoearth_openstreetmap.categories import CATEGORIES


def openstreetmap_raster() -> ModalitySpec:
    """OpenStreetMap features rasterised at 2.5 m, 1 where a feature of the category lies; samples see every 4th pixel.

    A tile without a single feature is dropped, because nobody mapped is not the same as nothing there.
    Tag guide: https://wiki.openstreetmap.org/wiki/Map_features
    """
    return ModalitySpec(
        name="openstreetmap_raster",
        band_sets=(BandSet(CATEGORIES, 4),),
        grid_factor=16,
        multitemporal=False,
        dtype="uint8",
        drop_rules=("any_nan", "all_zero"),
        units="0/1",
        quantity="presence",
        valid_range=(0.0, 1.0),
        normalization="predefined",
        statistics=dict.fromkeys(CATEGORIES, Statistics(minimum=0.0, maximum=1.0)),
        title="Map features (OpenStreetMap), rasterised",
        licence="ODbL-1.0",
        citation="© OpenStreetMap contributors, https://www.openstreetmap.org/copyright",
        source="https://planet.openstreetmap.org",
    )
