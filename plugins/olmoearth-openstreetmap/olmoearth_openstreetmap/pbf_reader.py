"""How an extract is read as pixels: the thirty categories on 2.5 m pixels of one UTM zone.

A vector source has no pixels of its own. Unless told otherwise, they cover the extract's own box in the zone of its
middle: beyond the box nothing is known, which is not the same as nothing there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError
from olmoearth_core.ingest.place import utm
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.chosen_bands import chosen_bands
from olmoearth_core.readers.layers import Grid
from olmoearth_core.readers.scene import Product, scene
from olmoearth_openstreetmap.categories import CATEGORIES
from olmoearth_openstreetmap.draw import Rules, checked
from olmoearth_openstreetmap.feature import Feature
from olmoearth_openstreetmap.layer import CategoryLayer, cell_grid, checked_year, checked_zone, grid_over
from olmoearth_openstreetmap.pbf_file import header, is_pbf

if TYPE_CHECKING:
    import xarray

_ALONG = 17
"""Points per side at which the outline of a box is followed into another projection."""


def openstreetmap_pbf(
    *,
    crs: str | None = None,
    bounds: Sequence[float] | None = None,
    cell: Sequence[int] | None = None,
    rules: Rules = "default",
    published: bool = False,
    legacy: bool = False,
    year: int = 2020,
) -> Reader:
    """Read an OpenStreetMap extract (.osm.pbf) as 0 and 1 per category on 2.5 m pixels of a UTM zone.

    crs: of the pixels, such as "EPSG:32635"; null = the UTM zone of the middle of the extract.
    bounds: left, bottom, right, top in metres of that zone; null = the extract's own box.
    cell: column and row of one cell of the 10 m grid instead of bounds.
    rules: "default" = with widths in metres and all touched pixels; "reference" = as the published layer was drawn.
    published: leave out relations, as the published layer did.
    legacy: keep its misspelt water_tower rule.
    year: under which the map is stored.
    Tag guide: https://wiki.openstreetmap.org/wiki/Map_features
    """
    if bounds is not None and (cell is not None or len(bounds) != 4):
        raise DataError("openstreetmap.pbf.v1: expected bounds = [left, bottom, right, top], or cell = [col, row].")
    if cell is not None and (len(cell) != 2 or crs is None):
        raise DataError('openstreetmap.pbf.v1: cell = [col, row] needs crs too, such as "EPSG:32635".')
    if bounds is not None and crs is None:
        raise DataError('openstreetmap.pbf.v1: bounds are metres of a zone, so give crs too, such as "EPSG:32635".')
    edges = None if bounds is None else (float(bounds[0]), float(bounds[1]), float(bounds[2]), float(bounds[3]))
    place = None if cell is None else (int(cell[0]), int(cell[1]))
    checked_year(year)
    options = (crs if crs is None else checked_zone(crs), edges, place, checked(rules), published, legacy, year)
    return _Pbf("openstreetmap.pbf.v1", ("openstreetmap_raster",), *options)


@dataclass(frozen=True)
class _Pbf:
    name: str
    modalities: tuple[str, ...]
    crs: str | None
    bounds: tuple[float, float, float, float] | None
    cell: tuple[int, int] | None
    rules: Rules
    published: bool
    legacy: bool
    year: int

    def recognises(self, path: str) -> bool:
        return is_pbf(path)

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        grid = self._grid(path)
        wanted = chosen_bands(path, CATEGORIES, spec, bands)
        layers = {
            band: CategoryLayer(path, band, grid, _Found(path, self.published, self.legacy), self.rules)
            for band in wanted
        }
        product = Product(self.name, path, spec.units, "presence")
        array = scene(spec, {checked_year(self.year): layers}, product)
        array.attrs["rules"] = self.rules
        return array

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        """Maps have no clouds."""
        return None

    def _grid(self, path: str) -> Grid:
        box = header(path).bounds
        if self.crs is not None and self.cell is not None:
            return cell_grid(Cell(self.crs, 16, *self.cell))
        if self.crs is not None and self.bounds is not None:
            return grid_over(self.crs, *self.bounds)
        if box is None:
            raise DataError(
                f"{path}: its header has no box. Give crs with bounds = [left, bottom, right, top] or cell."
            )
        west, south, east, north = box
        crs = self.crs or utm((west + east) / 2, (south + north) / 2)
        return grid_over(crs, *_outline(box, crs))


@dataclass(frozen=True)
class _Found:
    """Finds features in an extract."""

    path: str
    published: bool
    legacy: bool

    def __call__(self, cell: Cell, category: str) -> list[Feature]:
        from olmoearth_openstreetmap.projected import of_file

        return of_file(self.path, cell.crs, published=self.published, legacy=self.legacy).of(cell, category)


def _outline(box: tuple[float, float, float, float], crs: str) -> tuple[float, float, float, float]:
    from rasterio.warp import transform_bounds

    left, bottom, right, top = transform_bounds("EPSG:4326", crs, *box, densify_pts=_ALONG)
    return left, bottom, right, top
