"""How a vector tile is read as pixels: the features of one GeoJSON of the store, on the cell that its name tells."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.chosen_bands import chosen_bands
from olmoearth_core.readers.scene import Product, scene
from olmoearth_openstreetmap.categories import CATEGORIES
from olmoearth_openstreetmap.draw import Rules, checked
from olmoearth_openstreetmap.feature import Feature
from olmoearth_openstreetmap.layer import CategoryLayer, cell_grid, checked_year, checked_zone

if TYPE_CHECKING:
    import xarray

    from olmoearth_openstreetmap.vector_tile import VectorTile

_START = 65_536
_SUFFIXES = (".geojson", ".json")


def openstreetmap_geojson(
    *, crs: str | None = None, cell: Sequence[int] | None = None, rules: Rules = "default", year: int = 2020
) -> Reader:
    """Read a vector tile (GeoJSON in metres of a UTM zone, property `category`) as 0 and 1 per category at 2.5 m.

    crs, cell: zone and [col, row] of the tile's cell; null = as its name says, "EPSG:32635_150_-2607_10.geojson".
    rules: "default" = with widths in metres and all touched pixels; "reference" = as the published layer was drawn.
    year: under which the map is stored.
    """
    if (crs is None) != (cell is None) or (cell is not None and len(cell) != 2):
        raise DataError('openstreetmap.geojson.v1: expected crs = "EPSG:32635" and cell = [col, row], or neither.')
    place = None if crs is None or cell is None else (checked_zone(crs), int(cell[0]), int(cell[1]))
    checked_year(year)
    return _GeoJson("openstreetmap.geojson.v1", ("openstreetmap_raster",), place, checked(rules), year)


@dataclass(frozen=True)
class _GeoJson:
    name: str
    modalities: tuple[str, ...]
    place: tuple[str, int, int] | None
    rules: Rules
    year: int

    def recognises(self, path: str) -> bool:
        """By the name of a tile; where options give the cell instead, by the property of the first features."""
        if not path.lower().endswith(_SUFFIXES):
            return False
        try:
            with open(path, "rb") as file:
                start = file.read(_START)
        except OSError:
            return False
        if b'"FeatureCollection"' not in start:
            return False
        return self._cell(path) is not None if self.place is None else b'"category"' in start

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        _tile(path)
        wanted = chosen_bands(path, CATEGORIES, spec, bands)
        if (cell := self._cell(path)) is None:
            raise DataError(
                f"{path}: its name tells no cell, expected one such as EPSG:32635_150_-2607_10.geojson. "
                "Rename it, or give crs and cell."
            )
        layers = {band: CategoryLayer(path, band, cell_grid(cell), _Found(path), self.rules) for band in wanted}
        array = scene(spec, {checked_year(self.year): layers}, Product(self.name, path, spec.units, "presence"))
        array.attrs["rules"] = self.rules
        return array

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        """Maps have no clouds."""
        return None

    def _cell(self, path: str) -> Cell | None:
        from olmoearth_openstreetmap.vector_tile import FACTOR, cell_named

        if self.place is None:
            return cell_named(path)
        crs, col, row = self.place
        return Cell(crs, FACTOR, col, row)


@dataclass(frozen=True)
class _Found:
    """Finds features in a tile. Those around the cell are among them: drawing cuts them off."""

    path: str

    def __call__(self, cell: Cell, category: str) -> list[Feature]:
        return [feature for feature in _tile(self.path).features if feature.category == category]


def _tile(path: str) -> VectorTile:
    try:
        found = os.stat(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be opened ({error.strerror}). Give a vector tile (.geojson).") from error
    return _read(path, (found.st_size, found.st_mtime_ns))


@lru_cache(maxsize=8)
def _read(path: str, stamp: tuple[int, int]) -> VectorTile:
    from olmoearth_openstreetmap.vector_tile import read_vector_tile

    return read_vector_tile(path)
