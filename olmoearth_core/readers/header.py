"""What a raster file says about itself before any pixel is read: what readers recognise and refuse files by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from olmoearth_core.errors import DataError
from olmoearth_core.readers.layers import Grid, opened

_GEOTIFF = (".tif", ".tiff")


@dataclass(frozen=True)
class Header:
    """The facts of one raster.

    grid: null where the file has no CRS. dtypes, names, units, colours: per band; names and units are "" where the
    file gives none. tags: of the whole file.
    """

    path: str
    grid: Grid | None
    width: int
    height: int
    dtypes: tuple[str, ...]
    names: tuple[str, ...]
    units: tuple[str, ...]
    colours: tuple[str, ...]
    tags: Mapping[str, str]

    @property
    def bands(self) -> int:
        """Number of bands."""
        return len(self.dtypes)


def header(path: str) -> Header:
    """Open a raster and return what it says.

    Raises:
        DataError: it is missing, torn, or no raster.
    """
    with opened(path) as raster:
        crs = raster.crs.to_string() if raster.crs else None
        return Header(
            path=path,
            grid=None if crs is None else Grid(crs, raster.transform, raster.width, raster.height),
            width=raster.width,
            height=raster.height,
            dtypes=tuple(raster.dtypes),
            names=tuple(name or "" for name in raster.descriptions),
            units=tuple(unit or "" for unit in raster.units),
            colours=tuple(colour.name for colour in raster.colorinterp),
            tags=dict(raster.tags()),
        )


def geotiff_header(path: str) -> Header | None:
    """Return the header of a GeoTIFF, or None for anything else; for recognising, so it never raises."""
    if not path.lower().endswith(_GEOTIFF):
        return None
    try:
        return header(path)
    except DataError:
        return None
