"""How WorldCereal is read: which file is which band and zone, and what its codes mean.

The maps of a zone (AEZ) and product lie in folders <season>/<product>/.../classification. 254 says "not cropland", so
it is 0 like every other crop; 255 is nothing. A band without a file at a place is nothing there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import pairwise

import numpy as np
import xarray

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.header import geotiff_header, header
from olmoearth_core.readers.layers import FileLayer, Layer
from olmoearth_core.readers.scene import Product, scene
from olmoearth_core.readers.tiled import tiled_together
from olmoearth_maps.worldcereal import BANDS

_FILE = re.compile(r"(?P<aez>\d+)_.*\.tiff?", re.IGNORECASE)
_NAMED = re.compile(r"\d+_(tc-[a-z-]+)_([a-z]+)_.*classification.*", re.IGNORECASE)
_NOT_CROPLAND, _NOTHING = 254, 255
_MOST = 100_000
"""Entries of a folder that are looked at; the whole product has under a thousand files."""


def worldcereal_tiles(*, aez: int | None = None, year: int = 2021) -> Reader:
    """Read ESA WorldCereal classifications, <season>/<product>/.../classification/<aez>_*.tif, one or all of a folder.

    aez: this agro-ecological zone alone; null = all that the folder holds, side by side.
    year: of the product.
    Product guide: https://esa-worldcereal.org/en/products/global-maps
    """
    return _WorldCereal("maps.worldcereal.v1", ("worldcereal",), aez, year)


@dataclass(frozen=True)
class _WorldCereal:
    name: str
    modalities: tuple[str, ...]
    aez: int | None
    year: int

    def recognises(self, path: str) -> bool:
        """A folder that holds a season with a product; a single file by its folders or its name."""
        if os.path.isdir(path):
            return any(_is_season(entry) and os.path.isdir(os.path.join(path, entry)) for entry in os.listdir(path))
        found = geotiff_header(path) if band_of(path) else None
        return found is not None and (found.bands, found.dtypes) == (1, ("uint8",))

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        """As in `Reader.read`; a band asked for that the folder lacks is NaN throughout."""
        if strange := [band for band in bands or () if band not in BANDS]:
            raise DataError(f"{path}: {', '.join(strange)} is no band of worldcereal.")
        files = self._files(path)
        wanted = [band for band in spec.band_order if band in files] if bands is None else list(bands)
        groups = {band: list(files.get(band, {}).values()) for band in dict.fromkeys([*wanted, *files])}
        layers = tiled_together(path, {band: [_layer(file) for file in group] for band, group in groups.items()})
        product = Product(self.name, path, spec.units, "class_probability")
        return scene(spec, {datetime(self.year, 1, 1): {band: layers[band] for band in wanted}}, product)

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        """Maps of a season do not say."""
        return None

    def _files(self, path: str) -> dict[str, dict[int, str]]:
        """Return band -> zone -> file, both in order."""
        found: dict[str, dict[int, str]] = {}
        for file in sorted(_candidates(path)):
            band, named = band_of(file), _FILE.fullmatch(os.path.basename(file))
            if band is None or named is None or self.aez not in (None, int(named["aez"])):
                continue
            zone = int(named["aez"])
            if zone in found.setdefault(band, {}):
                raise DataError(
                    f"{file}: a second map of zone {zone} and {band}, beside {found[band][zone]}. Keep one."
                )
            found[band][zone] = file
        if not found:
            if os.path.isfile(path):
                header(path)
            zone_text = "" if self.aez is None else f" of zone {self.aez}"
            raise DataError(
                f"{path}: no map{zone_text} of WorldCereal by its folders; expected .../tc-annual/temporarycrops/"
                "classification/<aez>_*.tif. Output of a model of your own is not the product."
            )
        return {band: dict(sorted(found[band].items())) for band in BANDS if band in found}


def band_of(path: str) -> str | None:
    """Return the band that a file holds by its folders (<season>/<product>/.../classification) or name, or None."""
    if not _FILE.fullmatch(os.path.basename(path)):
        return None
    *folders, name = os.path.abspath(path).split(os.sep)
    pairs = [pair for i, pair in enumerate(pairwise(folders)) if "classification" in folders[i:]]
    if named := _NAMED.fullmatch(name):
        pairs.append((named[1].lower(), named[2].lower()))
    names = [
        f"{'' if season.startswith('tc-') else 'tc-'}{season}-{product}-classification" for season, product in pairs
    ]
    return next((band for band in names if band in BANDS), None)


def _is_season(folder: str) -> bool:
    return any(band.startswith(f"{folder}-") for band in BANDS) and folder != "tc"


def _candidates(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        if not os.path.exists(path):
            raise DataError(f"{path}: not found. Give a file or folder of WorldCereal.")
        yield path
        return
    looked = 0
    for folder, _, names in os.walk(path):
        looked += len(names) + 1
        if looked > _MOST:
            raise DataError(f"{path}: more than {_MOST:,} files. Give the folder of the product alone.")
        yield from (os.path.join(folder, name) for name in names)


def _layer(path: str) -> Layer:
    found = header(path)
    if (found.bands, found.dtypes) != (1, ("uint8",)):
        raise DataError(f"{path}: {found.bands} bands of {found.dtypes[0]}, expected one band of uint8.")
    return FileLayer(path, nodata=(_NOTHING,), convert=partial(_classes, path))


def _classes(path: str, values: np.ndarray) -> np.ndarray:
    strange = np.setdiff1d(values[np.isfinite(values)], [0, 100, _NOT_CROPLAND])
    if strange.size:
        found = ", ".join(f"{code:g}" for code in strange[:5])
        raise DataError(
            f"{path}: has values {found}, expected 0, 100, 254 (not cropland) and 255 (nothing). A map of confidence "
            "lies in another folder."
        )
    return np.where(values == _NOT_CROPLAND, np.float32(0), values)
