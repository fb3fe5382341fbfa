"""Pixels of an .hgt, plain or zipped: nothing but posts of 2 bytes, high byte first, from north-west row by row.

Read here and not by GDAL, whose driver of this format crashes the process on a damaged archive (3.10.3); so checksums
of archives are tested too.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from dataclasses import dataclass

import numpy as np

from olmoearth_core.errors import DataError
from olmoearth_core.readers.layers import Grid

VOID = -32768
_TORN = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError, KeyError)


@dataclass(frozen=True)
class HeightFile:
    """One tile. member: name of the file in the archive, "" = the file itself is the tile."""

    path: str
    expected: Grid
    member: str = ""

    @property
    def place(self) -> str:
        """The file, for messages."""
        return self.path

    def grid(self) -> Grid:
        """Where its pixels lie, by its name and size."""
        return self.expected

    def check(self) -> None:
        """Nothing is left to check: the file has no header, and its size is known."""

    def read(self, rows: slice, cols: slice) -> np.ndarray:
        """Return float32 [rows, cols], metres, NaN in voids.

        Raises:
            DataError: the file is missing or torn.
        """
        wide = self.expected.width
        stored = self._zipped() if self.member else self._plain(rows)
        first = 0 if self.member else rows.start
        posts = np.frombuffer(stored, dtype=">i2").reshape(-1, wide)[rows.start - first : rows.stop - first, cols]
        values: np.ndarray = np.where(posts == VOID, np.float32(np.nan), posts.astype(np.float32))
        return values

    def _plain(self, rows: slice) -> bytes:
        wide = 2 * self.expected.width
        try:
            with open(self.path, "rb") as file:
                file.seek(rows.start * wide, os.SEEK_SET)
                content = file.read((rows.stop - rows.start) * wide)
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error}). Fetch it again.") from error
        return self._whole(content, (rows.stop - rows.start) * wide)

    def _zipped(self) -> bytes:
        size = 2 * self.expected.width * self.expected.height
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as file:
                # One more than there should be, because the checksum is tested at the end.
                content = file.read(size + 1)
        except _TORN as error:
            raise DataError(f"{self.path}: its archive is damaged ({error}). Fetch it again.") from error
        return self._whole(content, size)

    def _whole(self, content: bytes, size: int) -> bytes:
        if len(content) != size:
            raise DataError(f"{self.path}: gave {len(content):,} bytes of heights, expected {size:,}. Fetch it again.")
        return content
