"""Which file is which tile of the shuttle's survey: a degree square, told by its name and checked by its size.

Posts lie on the degree lines, so neighbours share a row or column, and a pixel is centred on its post.
"""

from __future__ import annotations

import os
import re
import zipfile
from dataclasses import dataclass

from rasterio.transform import Affine

from olmoearth_core.errors import DataError
from olmoearth_core.readers.layers import FileLayer, Grid
from olmoearth_core.readers.tiled import NamedTile
from olmoearth_srtm.height_file import VOID, HeightFile

POSTS = {1: 3601, 3: 1201}
"""Posts along a side, by the spacing in arc seconds."""
_HGT = re.compile(r"([NS])(\d\d)([EW])(\d{3})(?:\.\w+)?\.hgt(?:\.zip)?", re.IGNORECASE)
_TIF = re.compile(r"SRTM([13])([NS])(\d\d)([EW])(\d{3})V\d+\.tiff?", re.IGNORECASE)


@dataclass(frozen=True)
class Tile:
    """One file. lat, lon: of its south-western post, whole degrees. seconds: spacing; 0 = only its size tells."""

    path: str
    lat: int
    lon: int
    seconds: int = 0

    def layer(self) -> NamedTile | HeightFile:
        """Return its pixels.

        Raises:
            DataError: the file or archive is missing, torn, or not of a size that tiles have.
        """
        grid = grid_of(self.lat, self.lon, self.seconds or seconds_of(self.path))
        if self.seconds:
            return NamedTile(FileLayer(self.path, nodata=(float(VOID),)), grid, dtypes=("int16", "int32"))
        # Only this one member is ever opened, whatever else the archive holds.
        return HeightFile(self.path, grid, _zipped(self.path)[0] if self.path.lower().endswith(".zip") else "")


def tile_named(path: str) -> Tile | None:
    """Return the tile that a file claims to be by its name, or None."""
    name = os.path.basename(path)
    if found := _TIF.fullmatch(name):
        seconds, *corner = found.groups()
        return _placed(path, corner, int(seconds))
    if found := _HGT.fullmatch(name):
        return _placed(path, found.groups(), 0)
    return None


def grid_of(lat: int, lon: int, seconds: int) -> Grid:
    """Return the grid of the tile whose south-western post is at whole degrees: 1201 or 3601 posts a side."""
    step = seconds / 3600
    return Grid("EPSG:4326", Affine(step, 0, lon - step / 2, 0, -step, lat + 1 + step / 2), *[POSTS[seconds]] * 2)


def seconds_of(path: str) -> int:
    """Return the spacing of an .hgt or .hgt.zip in arc seconds, by its size in bytes.

    Raises:
        DataError: it is missing or torn, has no tile inside, or another size.
    """
    size = _zipped(path)[1] if path.lower().endswith(".zip") else _size(path)
    for seconds, posts in POSTS.items():
        if size == 2 * posts * posts:
            return seconds
    sizes = " or ".join(f"{2 * n * n:,} ({n} x {n} posts of 2 bytes)" for n in POSTS.values())
    raise DataError(f"{path}: {size:,} bytes of heights, expected {sizes}. It is truncated; fetch it again.")


def _placed(path: str, corner: tuple[str, ...] | list[str], seconds: int) -> Tile | None:
    south, lat, west, lon = corner
    degrees = int(lat) * (-1 if south in "sS" else 1), int(lon) * (-1 if west in "wW" else 1)
    inside = -90 <= degrees[0] < 90 and -180 <= degrees[1] < 180
    return Tile(path, *degrees, seconds) if inside else None


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError as error:
        raise DataError(f"{path}: not found. Heights are read from files of this machine; fetch it first.") from error


def _zipped(path: str) -> tuple[str, int]:
    """Return name and size of the tile inside an archive."""
    _size(path)
    wanted = os.path.basename(path)[:7].lower() + ".hgt"
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.lower(): info for info in archive.infolist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"{path}: no readable archive ({error}). Fetch it again.") from error
    if wanted not in members:
        held = ", ".join(sorted(members)[:5]) or "nothing"
        raise DataError(f"{path}: holds {held}, expected {wanted}. Was the archive renamed?")
    return members[wanted].filename, members[wanted].file_size
