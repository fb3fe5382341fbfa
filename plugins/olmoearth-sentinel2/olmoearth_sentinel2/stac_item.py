"""Sentinel-2 images as STAC items whose assets are single bands, as catalogues name them.

Known are the names of Microsoft Planetary Computer (B02), Earth Search v1 (blue) and Copernicus Data Space (B02_10m).
Assets are opened where the item says, relative to its file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import xarray

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_sentinel2.band_names import METERS, MODALITY, Level
from olmoearth_sentinel2.clear_sky import NOT_CLEAR, classes_layer, mask_of, require_classes
from olmoearth_sentinel2.images import BandLayer, Images, array_of, require_level, require_options
from olmoearth_sentinel2.reflectance import conversion
from olmoearth_sentinel2.stac_file import Item
from olmoearth_sentinel2.stac_offset import offset_of


def stac_item(*, offset: int | None = None, not_clear: Sequence[int] = NOT_CLEAR) -> Reader:
    """Read STAC items of Sentinel-2 from Planetary Computer, Earth Search v1 and Copernicus Data Space, saved as JSON.

    offset: what still has to be added to the digital numbers, 0 or -1000; null = as the item declares it, and it is
        refused if it does not. Some items of Earth Search of 2022 to 2025 declare it wrongly
        (github.com/Element84/earth-search/issues/66 and 71).
    not_clear: classes of the Level-2A scene classification where the ground is not seen.
    """
    require_options(offset=offset)
    return _StacItem(offset, require_classes(not_clear))


_EARTH_SEARCH = {
    "B01": "coastal", "B02": "blue", "B03": "green", "B04": "red", "B05": "rededge1", "B06": "rededge2",
    "B07": "rededge3", "B08": "nir", "B8A": "nir08", "B09": "nir09", "B10": "cirrus", "B11": "swir16", "B12": "swir22",
    "SCL": "scl",
}  # fmt: skip
NAMES: Mapping[str, Mapping[str, str]] = {
    "Planetary Computer": {**{b: b for b in METERS}, "SCL": "SCL"},
    "Copernicus Data Space": {**{b: f"{b}_{meters}m" for b, meters in METERS.items()}, "SCL": "SCL_20m"},
    "Earth Search": _EARTH_SEARCH,
}
"""Catalogue -> band -> asset."""


@dataclass(frozen=True)
class _StacItem:
    offset: int | None
    not_clear: tuple[int, ...]
    name: str = "sentinel2.stac_item.v1"
    modalities: tuple[str, ...] = tuple(MODALITY.values())

    def recognises(self, path: str) -> bool:
        try:
            item = Item.open(path)
            return item.is_sentinel2() and bool(_assets(item)[1])
        except (DataError, OSError):
            return False

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        item, level, time = _known(path)
        require_level(path, level, spec)
        catalog, assets = _assets(item)
        wanted = {b: key for b, key in assets.items() if b in METERS and (bands is None or b in bands)}
        if self.offset is None and wanted:
            offset = offset_of(item, list(wanted.values()), as_delivered=catalog != "Earth Search")
        else:
            offset = self.offset or 0
        layers = {
            b: BandLayer(item.place(key), nodata=(0,), convert=conversion(offset))
            for b, key in (wanted or {b: k for b, k in assets.items() if b in METERS}).items()
        }
        return array_of(Images(path, level, {time: layers}, item.cloud_cover), spec, self.name, bands)

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        item, level, time = _known(path)
        require_level(path, level, spec)
        _, assets = _assets(item)
        if level != "l2a" or "SCL" not in assets:
            return None
        mask = classes_layer(item.place(assets["SCL"]), self.not_clear)
        return mask_of({time: mask}, [BandLayer(item.place(_finest(assets)))])


def _known(path: str) -> tuple[Item, Level, datetime]:
    item = Item.open(path)
    if not item.is_sentinel2():
        raise DataError(
            f"{path}: an item of {item.described()}, expected Sentinel-2 (constellation, platform or collection say "
            "so). Use the reader of that sensor."
        )
    return item, item.level(), item.time()


def _assets(item: Item) -> tuple[str, dict[str, str]]:
    """Return the catalogue by whose names most bands are found, and band -> asset; DataError if there is none."""
    found = {
        catalog: {band: key for band, key in names.items() if key in item.assets} for catalog, names in NAMES.items()
    }
    catalog = max(found, key=lambda name: len(found[name]))
    if not any(band in METERS for band in found[catalog]):
        raise DataError(
            f"{item.path}: assets {', '.join(sorted(item.assets)[:8]) or '(none)'} are no bands; expected B02, blue or "
            "B02_10m and the like. Is it an item of single bands?"
        )
    return catalog, found[catalog]


def _finest(assets: Mapping[str, str]) -> str:
    band = min((b for b in assets if b in METERS), key=METERS.__getitem__)
    return assets[band]
