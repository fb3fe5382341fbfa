"""Sentinel-2 products as ESA gives them: `.SAFE` folders and zips of Level-2A and Level-1C.

Each band is taken at its native resolution; Level-2A lists coarser copies of most, which are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import xarray

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.layers import FileLayer, Layer
from olmoearth_sentinel2.band_names import METERS, MODALITY
from olmoearth_sentinel2.clear_sky import (
    NOT_CLEAR,
    classes_layer,
    cloud_mask_layer,
    is_there,
    mask_of,
    require_classes,
)
from olmoearth_sentinel2.images import BandLayer, Images, array_of, require_level
from olmoearth_sentinel2.reflectance import conversion
from olmoearth_sentinel2.safe_metadata import Metadata
from olmoearth_sentinel2.safe_package import Package, package

_IMAGE = re.compile(r"_(B\d\d|B8A|SCL)(?:_(10|20|60)m)?\.jp2$", re.IGNORECASE)
_CLOUDS = "QI_DATA/MSK_CLASSI_B00.jp2"


def safe(*, not_clear: Sequence[int] = NOT_CLEAR) -> Reader:
    """Read Sentinel-2 `.SAFE` products of Level-2A and Level-1C, as a folder or zipped, with offset removed.

    not_clear: classes of the Level-2A scene classification where the ground is not seen: no data, saturated, cloud
        shadow, cloud of medium and high probability, thin cirrus.
    Product guide: https://sentiwiki.copernicus.eu/web/s2-products
    """
    return _Safe(require_classes(not_clear))


@dataclass(frozen=True)
class _Safe:
    not_clear: tuple[int, ...]
    name: str = "sentinel2.safe.v1"
    modalities: tuple[str, ...] = tuple(MODALITY.values())

    def recognises(self, path: str) -> bool:
        try:
            package(path)
        except (DataError, OSError):
            return False
        return True

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        product = package(path)
        metadata = product.metadata()
        require_level(path, metadata.level, spec)
        found = _bands(product, metadata)
        _require_files(product, {b: name for b, name in found.items() if bands is None or b in bands})
        layers = {metadata.start: {b: _layer(product, metadata, b, name) for b, name in found.items()}}
        return array_of(Images(path, metadata.level, layers, metadata.cloud_cover), spec, self.name, bands)

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        product = package(path)
        metadata = product.metadata()
        require_level(path, metadata.level, spec)
        bands = {band: name for band, name in _bands(product, metadata).items() if product.has(name)}
        mask = self._mask(product, metadata, bands)
        if mask is None or not bands:
            return None
        finest = min(bands, key=METERS.__getitem__)
        return mask_of({metadata.start: mask}, [_layer(product, metadata, finest, bands[finest])])

    def _mask(self, product: Package, metadata: Metadata, bands: Mapping[str, str]) -> Layer | None:
        if metadata.level == "l2a":
            listed = _listed(product, metadata)
            classes = listed.get(("SCL", 20)) or listed.get(("SCL", 60))
            return None if classes is None else classes_layer(product.place(classes), self.not_clear)
        clouds = f"{_granule(product, metadata)}/{_CLOUDS}"
        if not product.has(clouds) or "B01" not in bands:
            return None
        # B01 lies on the grid of the mask.
        measured = FileLayer(product.place(bands["B01"]), nodata=(0,), convert=is_there)
        return cloud_mask_layer(product.place(clouds), measured)


def _bands(product: Package, metadata: Metadata) -> dict[str, str]:
    """Return band -> file at its native resolution, as listed."""
    listed = _listed(product, metadata)
    native = {band: listed.get((band, meters)) or listed.get((band, None)) for band, meters in METERS.items()}
    found = {band: name for band, name in native.items() if name is not None}
    if not found:
        raise DataError(f"{product.source}: {product.main} lists no band at its native resolution. Is it damaged?")
    _granule(product, metadata)
    return found


def _require_files(product: Package, names: Mapping[str, str]) -> None:
    for band, name in names.items():
        if not product.has(name):
            raise DataError(f"{product.source}: {name} (band {band}) is listed but missing. Fetch the product again.")


def _layer(product: Package, metadata: Metadata, band: str, name: str) -> FileLayer:
    convert = conversion(metadata.offset)
    return BandLayer(product.place(name), nodata=(0,), convert=convert, meters=METERS[band])


def _listed(product: Package, metadata: Metadata) -> dict[tuple[str, int | None], str]:
    """Return (band or class map, metres) -> file, metres None where the name says none."""
    found: dict[tuple[str, int | None], str] = {}
    for listed in metadata.images:
        name = product.image(listed)
        parts = _IMAGE.search(name)
        if parts is not None:
            meters = int(parts.group(2)) if parts.group(2) else None
            found[parts.group(1).upper(), meters] = name
    return found


def _granule(product: Package, metadata: Metadata) -> str:
    """Return the folder of the product's one tile."""
    folders = sorted({"/".join(PurePosixPath(name).parts[:2]) for name in metadata.images})
    if len(folders) != 1 or not folders[0].startswith("GRANULE/"):
        shown = ", ".join(folders[:3]) or "none"
        raise DataError(f"{product.source}: images lie in {shown}, expected one folder GRANULE/... (one tile).")
    return folders[0]
