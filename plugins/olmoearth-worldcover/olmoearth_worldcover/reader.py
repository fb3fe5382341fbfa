"""How land cover is read: one tile, a folder of tiles of one year seen as one map, or a crop that says what it is."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np
import xarray

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.header import geotiff_header, header
from olmoearth_core.readers.layers import FileLayer, Layer
from olmoearth_core.readers.scene import Product, scene
from olmoearth_core.readers.tiled import NamedTile, tiled
from olmoearth_worldcover.modality import CLASSES
from olmoearth_worldcover.tile_names import Year, tile_named, version_of

FILL = 0
_TITLE = re.compile(r"ESA WorldCover product at 10m resolution for year (\d{4})")
_SIDECARS = (".txt", ".md", ".pdf", ".xml", ".csv", ".json", ".geojson")


def worldcover_tiles(*, year: Year | None = None) -> Reader:
    """Read ESA WorldCover tiles (ESA_WorldCover_10m_2021_v200_N30E060_Map.tif), alone or as a folder, or crops of them.

    year: 2020 (v100) or 2021 (v200), for crops whose header does not say it, and to choose in a folder of both;
        null = as name and header say.
    Product guide: https://worldcover2021.esa.int/data/docs/WorldCover_PUM_V2.0.pdf
    """
    if year is not None:
        version_of(year)
    return _WorldCover("worldcover.tiles.v1", ("worldcover",), year)


@dataclass(frozen=True)
class _WorldCover:
    name: str
    modalities: tuple[str, ...]
    year: int | None

    def recognises(self, path: str) -> bool:
        """A folder is one map if it holds tiles and nothing else but notes."""
        if not os.path.isdir(path):
            said = _told_year(path) if os.path.isfile(path) else None
            return said is not None and self.year in (None, said)
        names = [n for n in sorted(os.listdir(path)) if not n.startswith(".") and not n.lower().endswith(_SIDECARS)]
        return bool(names) and all(tile_named(name) for name in names)

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        wanted = list(spec.band_order if bands is None else bands)
        if wanted != list(spec.band_order):
            raise DataError(f"{path}: has {', '.join(spec.band_order)}, asked for {', '.join(wanted) or 'nothing'}.")
        year, layer = self._folder(path) if os.path.isdir(path) else self._file(path)
        product = Product(self.name, path, spec.units, "class_code")
        array = scene(spec, {datetime(year, 1, 1): {spec.band_order[0]: layer}}, product)
        array.attrs["version"] = version_of(year)
        return array

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        """The map is of a whole year."""
        return None

    def _file(self, path: str) -> tuple[int, Layer]:
        found = header(path)
        said = _told_year(path)
        if self.year and said and said != self.year:
            raise DataError(f"{path}: is of {said}, but the reader was asked for {self.year}. Leave out the option.")
        year = said or self.year
        if found.bands != 1 or found.dtypes != ("uint8",):
            raise DataError(f"{path}: {found.bands} bands of {found.dtypes[0]}, expected one band of uint8 codes.")
        legend = found.tags.get("legend", "")
        if legend and not legend.startswith("10"):
            raise DataError(
                f'{path}: its legend is "{" ".join(legend.split())}", not that of WorldCover (10 Tree cover, ...).'
            )
        if year is None:
            raise DataError(
                f"{path}: neither name nor header says that it is WorldCover. If it is, give its year (2020, 2021)."
            )
        named = tile_named(os.path.basename(path))
        layer = _layer(path)
        if named is None:
            return year, layer
        tile = NamedTile(layer, named[1], ("uint8",))
        tile.check()
        return year, tile

    def _folder(self, path: str) -> tuple[int, Layer]:
        found = [(os.path.join(path, name), tile_named(name)) for name in sorted(os.listdir(path))]
        tiles = [(file, *tile) for file, tile in found if tile and self.year in (None, tile[0])]
        years = sorted({year for _, year, _ in tiles})
        if not years:
            raise DataError(f"{path}: holds no tiles such as ESA_WorldCover_10m_2021_v200_N30E060_Map.tif.")
        if len(years) > 1:
            raise DataError(f"{path}: holds maps of 2020 and 2021, made in different ways. Choose one: year = 2021.")
        layers = [NamedTile(_layer(file), grid, ("uint8",)) for file, _, grid in tiles]
        return years[0], tiled(path, layers)


def _layer(path: str) -> FileLayer:
    return FileLayer(path, nodata=(FILL,), convert=partial(_known, path))


def _known(path: str, values: np.ndarray) -> np.ndarray:
    """Refuse codes that the legend does not have."""
    strange = np.setdiff1d(values[np.isfinite(values)], [*CLASSES])
    if strange.size:
        found = ", ".join(f"{code:g}" for code in strange[:5])
        raise DataError(
            f"{path}: has codes {found}, expected {', '.join(map(str, CLASSES))} and 0 for nothing. It is a map with "
            "another legend, or was interpolated."
        )
    return values


def _told_year(path: str) -> int | None:
    """Return the year that name or header says, or None where they do not say it is WorldCover."""
    if named := tile_named(os.path.basename(path)):
        return named[0]
    found = geotiff_header(path)
    title = _TITLE.match(found.tags.get("title", "")) if found else None
    return int(title[1]) if title else None
