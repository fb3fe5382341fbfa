"""Tortilla files: many files in one, with a Parquet table at the end that says where each of them is.

Layout (https://tacofoundation.github.io, "The Tortilla specification"): two bytes `#y` (`WX` for a TACO file), the
table's offset and its length, 8 bytes each, little-endian; the files; the table with `tortilla:id`, `tortilla:offset`,
`tortilla:length` and perhaps `tortilla:data_split`. A file may be a Tortilla itself; its offsets then count from its
own start. Only the ranges that are asked for are read, from a disk or a bucket.
"""

# C bands, H W pixels
from __future__ import annotations

import struct
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fsspec
import numpy as np

from olmoearth_core.errors import ConfigError, DataError

_HEAD = 18
_MAGIC = (b"#y", b"WX")
_MOST_TABLE = 512 * 2**20
_MOST_ROWS = 2_000_000
_MOST_IMAGE = 256 * 2**20
_COLUMNS = ("tortilla:id", "tortilla:offset", "tortilla:length")
SPLIT = "tortilla:data_split"


@dataclass(frozen=True)
class Entry:
    """A file inside another. facts: what the table says of it, by column."""

    url: str
    offset: int
    length: int
    name: str
    facts: Mapping[str, Any]

    @property
    def where(self) -> str:
        """What to call it in messages."""
        return f"{self.url}: {self.name}"

    def content(self, most: int = _MOST_IMAGE) -> bytes:
        """Return its bytes.

        Raises:
            DataError: there are more than `most`, or they cannot be read.
        """
        if self.length > most:
            raise DataError(f"{self.where}: {self.length} bytes, expected at most {most}. Get the file again.")
        return _read(self.url, self.offset, self.length)

    def image(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return the pixels [C,H,W] of a GeoTIFF and the descriptions of its bands, "" where it has none."""
        from rasterio.errors import NotGeoreferencedWarning, RasterioError
        from rasterio.io import MemoryFile

        try:
            with warnings.catch_warnings(), MemoryFile(self.content()) as memory:
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                with memory.open(driver="GTiff") as raster:
                    if raster.count * raster.width * raster.height > 2**28:
                        raise DataError(f"{self.where}: {raster.count} x {raster.height} x {raster.width} is too much.")
                    return raster.read(), tuple(text or "" for text in raster.descriptions)
        except RasterioError as cause:
            told = " ".join(str(cause).split())[:120]
            raise DataError(f"{self.where} is no readable GeoTIFF ({told}). Get the file again.") from cause


def entries(url: str, offset: int = 0, length: int | None = None, columns: Sequence[str] | None = None) -> list[Entry]:
    """Return what is in a Tortilla, in the order of its table.

    offset, length: where it lies, if it is inside another. columns: of the table, besides those that every one has;
    None = all.

    Raises:
        ConfigError: pyarrow is not installed.
        DataError: it is damaged, or no Tortilla.
    """
    size = _size(url) - offset if length is None else length
    head = _read(url, offset, _HEAD) if size >= _HEAD else b""
    if head[:2] not in _MAGIC:
        raise DataError(f"{url}: starts with {head[:2]!r}, expected a Tortilla (b'#y'). Get the file again.")
    at, count = struct.unpack("<QQ", head[2:])
    if at < _HEAD or at + count > size or count > _MOST_TABLE:
        raise DataError(f"{url}: its table should be at {at} with {count} bytes, but there are {size}. Get it again.")
    rows = _table(_read(url, offset + at, count), url, columns)
    return [_entry(row, url, offset, size) for row in rows]


def _entry(row: Mapping[str, Any], url: str, base: int, size: int) -> Entry:
    name, offset, length = (row.get(column) for column in _COLUMNS)
    if type(offset) is not int or type(length) is not int or min(offset, length) < 0 or offset + length > size:
        raise DataError(f"{url}: {str(name)[:80]} should be at {offset} with {length} bytes of {size}. Get it again.")
    return Entry(url, base + offset, length, str(name)[:200], row)


def _table(content: bytes, url: str, columns: Sequence[str] | None) -> list[dict[str, Any]]:
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        from pyarrow import parquet
    except ImportError as cause:
        raise ConfigError(
            "GEO-Bench 2 needs pyarrow, which is not installed: pip install 'olmoearth-benchmarks[geobench2]'."
        ) from cause
    try:
        file = parquet.ParquetFile(pa.BufferReader(content))
        names = set(file.schema_arrow.names)
        lacking = [column for column in _COLUMNS if column not in names]
        if lacking or file.metadata.num_rows > _MOST_ROWS:
            raise DataError(
                f"{url}: {file.metadata.num_rows} rows, columns {', '.join(lacking) or 'none'} missing. Get it again."
            )
        chosen = None if columns is None else [c for c in (*_COLUMNS, *columns) if c in names]
        found: list[dict[str, Any]] = file.read(columns=chosen).to_pylist()
    except (pa.ArrowException, OSError, ValueError) as cause:
        told = " ".join(str(cause).split())[:120]
        raise DataError(f"{url}: its table cannot be read ({told}). Get the file again.") from cause
    return found


def _size(url: str) -> int:
    try:
        filesystem, path = fsspec.core.url_to_fs(url)
        return int(filesystem.size(path))
    except (OSError, ValueError, TypeError) as cause:
        raise DataError(f"{url}: cannot be opened ({type(cause).__name__}). Get the file again.") from cause


def _read(url: str, offset: int, length: int) -> bytes:
    try:
        filesystem, path = fsspec.core.url_to_fs(url)
        content = bytes(filesystem.cat_file(path, start=offset, end=offset + length))
    except (OSError, ValueError) as cause:
        raise DataError(f"{url}: cannot be read at {offset} ({type(cause).__name__}). Get it again.") from cause
    if len(content) != length:
        raise DataError(f"{url}: ends {length - len(content)} bytes early. Get it again.")
    return content
