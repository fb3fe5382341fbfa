"""What a STAC item says of an image of Sentinel-2: sensor and level."""

from __future__ import annotations

from dataclasses import dataclass

from olmoearth_core.errors import DataError
from olmoearth_core.readers.stac_item import StacItem
from olmoearth_sentinel2.band_names import Level, level

_IMAGES = (".tif", ".tiff", ".jp2")
_LEVEL = ("s2:product_type", "product:type", "processing:level", "s2:product_uri")


@dataclass(frozen=True)
class Item(StacItem):
    """A STAC item of Sentinel-2."""

    def is_sentinel2(self) -> bool:
        """Whether constellation, platform or collection name Sentinel-2."""
        return self.names("sentinel-2")

    def place(self, key: str, suffixes: tuple[str, ...] = _IMAGES) -> str:
        """Return path or URL of an asset's file, as `StacItem.place`; JPEG 2000 too."""
        return super().place(key, suffixes)

    def level(self) -> Level:
        """Return the level; DataError if the item does not say it."""
        said = [str(self.properties[key]) for key in _LEVEL if key in self.properties]
        found = level(" ".join([*said, self.collection, self.id]))
        if found is None:
            raise DataError(
                f"{self.path}: does not say whether it is Level-2A or Level-1C; expected it in {', '.join(_LEVEL)}, "
                "the collection or the id."
            )
        return found
