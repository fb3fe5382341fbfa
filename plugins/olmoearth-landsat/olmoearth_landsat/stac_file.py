"""What a STAC item says of an image of Landsat: sensor, product and scales."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from olmoearth_core.readers.stac_item import StacItem
from olmoearth_landsat.product import ProductId, product_id


@dataclass(frozen=True)
class Item(StacItem):
    """A STAC item of Landsat."""

    def is_landsat(self) -> bool:
        """Whether platform, constellation or collection name Landsat 8 or 9, or Landsat without a number."""
        return self.names("landsat")

    def product(self) -> ProductId:
        """Return the product; DataError if the item's id is none of Landsat 8/9 Collection 2."""
        return product_id(f"{self.path}, id", self.id)

    def scalings(self, key: str) -> Iterator[tuple[Any, Any]]:
        """Yield each scale and offset that an asset declares, None for one that it leaves out."""
        asset = self.assets[key]
        listed = [(asset, "raster:")]
        for name, prefix in (("raster:bands", ""), ("bands", "raster:")):
            bands = asset.get(name)
            if isinstance(bands, list) and bands and isinstance(bands[0], dict):
                listed.append((bands[0], prefix))
        for place, prefix in listed:
            found = place.get(f"{prefix}scale"), place.get(f"{prefix}offset")
            if found != (None, None):
                yield found
