"""Landsat images as STAC items whose assets are single bands, as catalogues name them.

Known are the names that USGS, Microsoft Planetary Computer and Earth Search v1 share (coastal, blue, ... lwir11). The
level is that of the item's id; files, scales and metadata beside it that say otherwise are refused.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import xarray

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.chosen_bands import chosen_bands
from olmoearth_landsat.images import BandLayer, Images, array_of, finest, require_level
from olmoearth_landsat.metadata import metadata_of
from olmoearth_landsat.mtl_format import MOST_BYTES
from olmoearth_landsat.product import LEVEL2_BANDS, MODALITY, Level, ProductId, said_id
from olmoearth_landsat.quality import NOT_CLEAR, mask_of, quality_layer, require_bits, require_flags
from olmoearth_landsat.scaling import agree_with_header, conversion, require_scaling
from olmoearth_landsat.stac_file import Item


def stac_item(*, not_clear: Sequence[str] = NOT_CLEAR) -> Reader:
    """Read STAC items of Landsat 8/9 Collection 2 from USGS, Planetary Computer and Earth Search v1, saved as JSON.

    Level-2 is rescaled to the units of landsat_l2 and has no B11, as in `landsat.level2.v1`; Level-1 stays as it is.

    not_clear: flags of QA_PIXEL that hide the ground, of dilated_cloud, cirrus, cloud, cloud_shadow, snow and water;
        fill always does.
    """
    return _StacItem(require_flags(not_clear))


NAMES: Mapping[str, str] = {
    "B1": "coastal", "B2": "blue", "B3": "green", "B4": "red", "B5": "nir08", "B6": "swir16", "B7": "swir22",
    "B8": "pan", "B9": "cirrus", "B10": "lwir11", "B11": "lwir12",
}  # fmt: skip
"""Band -> asset."""
MASK = "qa_pixel"
_METADATA = ("mtl.json", "mtl.txt", "mtl.xml", "MTL.json", "MTL.txt", "MTL.xml")


@dataclass(frozen=True)
class _StacItem:
    not_clear: tuple[str, ...]
    name: str = "landsat.stac_item.v1"
    modalities: tuple[str, ...] = tuple(MODALITY.values())

    def recognises(self, path: str) -> bool:
        try:
            item = Item.open(path)
            return item.is_landsat() and bool(_bands(item, item.product().level))
        except (DataError, OSError):
            return False

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        item, product = _known(path, spec)
        layers = {}
        for band in chosen_bands(path, _bands(item, product.level), spec, bands):
            layers[band] = _layer(item, product, band)
        images = Images(path, product.level, {item.time(): layers}, item.cloud_cover)
        return array_of(images, spec, self.name, bands)

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        item, product = _known(path, spec)
        if MASK not in item.assets:
            return None
        mask = _place(item, product, MASK)
        require_bits(mask)
        there = _bands(item, product.level)
        onto = finest({band: BandLayer(_place(item, product, NAMES[band])) for band in there})
        return mask_of({item.time(): quality_layer(mask, self.not_clear)}, onto, self.not_clear)


def _known(path: str, spec: ModalitySpec) -> tuple[Item, ProductId]:
    item = Item.open(path)
    if not item.is_landsat():
        raise DataError(
            f"{path}: an item of {item.described()}, expected Landsat (platform or collection say so). Use the reader "
            "of that sensor."
        )
    product = item.product()
    require_level(path, product.level, spec)
    _require_same_metadata(item, product)
    return item, product


def _bands(item: Item, level: Level) -> list[str]:
    """Return bands that the item has; DataError if there is none."""
    found = [b for b, key in NAMES.items() if key in item.assets and (level == "l1" or b in LEVEL2_BANDS)]
    if not found:
        raise DataError(
            f"{item.path}: assets {', '.join(sorted(item.assets)[:8]) or '(none)'} are no bands; expected coastal, "
            "blue, green and the like. Is it an item of single bands?"
        )
    return found


def _layer(item: Item, product: ProductId, band: str) -> BandLayer:
    key = NAMES[band]
    where = f"{item.path}, asset {key}"
    for scale, offset in item.scalings(key):
        if not all(isinstance(part, int | float) for part in (scale, offset)):
            raise DataError(f"{where}: declares scale {scale!r} and offset {offset!r}, expected two numbers.")
        if product.level == "l2":
            require_scaling(where, band, scale, offset)
    place = _place(item, product, key)
    agree_with_header(place, product.level, band)
    return BandLayer(place, 1, (0,), conversion(product.level, band))


def _place(item: Item, product: ProductId, key: str) -> str:
    """Return where an asset is; DataError if its name is of another product than the item."""
    place = item.place(key)
    said = said_id(f"{item.path}, asset {key}", place.rpartition("/")[2])
    if said is not None and not said.same_scene(product):
        raise DataError(f"{item.path}: is of {product.text}, but asset {key} is {said.text}. Fetch the item again.")
    return place


def _require_same_metadata(item: Item, product: ProductId) -> None:
    """Refuse an item beside whose files lies the metadata of another product."""
    for key in _METADATA:
        place = item.place(key, (".json", ".txt", ".xml")) if key in item.assets else ""
        if not place or "://" in place or not os.path.isfile(place):
            continue
        with open(place, "rb") as file:
            found = metadata_of(file.read(MOST_BYTES + 1), place)
        if not found.product.same_scene(product):
            raise DataError(f"{item.path}: is of {product.text}, but {place} of {found.product.text}. Fetch it again.")
