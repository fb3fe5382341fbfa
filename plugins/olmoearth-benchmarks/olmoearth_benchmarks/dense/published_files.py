"""Published folders as they were downloaded: unpacked, or still in the zip archive they came in."""

# C bands, H W pixels
from __future__ import annotations

import json
import lzma
import os
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fsspec
import numpy as np
import rasterio
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.zip import ZipFileSystem
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile

from olmoearth_core.data.cache import Cache
from olmoearth_core.data.npy import read_npy
from olmoearth_core.errors import DataError

MOST_BYTES = 2**31
_MOST_SIDE = 2**16
_DAMAGE = (
    EOFError, ImportError, LookupError, OSError, RuntimeError, ValueError, lzma.LZMAError, struct.error,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""How archives and file systems fail: those of the archive, and of compressed content."""
_ALONE = {"GDAL_DISABLE_READDIR_ON_OPEN": "TRUE", "GDAL_PAM_ENABLED": "NO"}
"""GDAL looks at no other file than the one that it is given."""


class Folder:
    """A folder on any file system, or the inside of a .zip file; names are relative to it."""

    def __init__(self, url: str, *, inside: tuple[str, ...] = (), marker: str = "", cache: Cache | None = None) -> None:
        """Open `url`, or the folder of it in `inside` that holds `marker`: archives differ in their outermost folder.

        cache: keeps local copies of remote images, for those that are read window by window; None = none are kept.

        Raises:
            DataError: there is no such place.
        """
        self.url = url.rstrip("/")
        self._cache = cache
        try:
            if self.url.lower().endswith(".zip"):
                self._files = fsspec.filesystem("zip", fo=self.url, skip_instance_cache=True)
                self._root = ""
            else:
                self._files, self._root = fsspec.core.url_to_fs(self.url)
        except _DAMAGE as cause:
            raise DataError(f"{url}: cannot be opened ({' '.join(str(cause).split())[:120]}).") from cause
        for name in ("", *inside):
            if marker and self.has(f"{name}/{marker}" if name else marker):
                self._root = self._path(name) if name else self._root
                return
        if marker:
            raise DataError(f"{url}: no {marker} here. Give the folder, or the .zip file, as it was published.")

    def has(self, name: str) -> bool:
        """Whether there is such a file or folder."""
        return bool(self._files.exists(self._path(name)))

    def names(self, folder: str = "") -> list[str]:
        """Return the names in a folder in order, none if there is no such folder."""
        try:
            found = self._files.ls(self._path(folder), detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted({str(name).rstrip("/").rpartition("/")[2] for name in found} - {""})

    def where(self, name: str) -> str:
        """Return what to call a file in messages."""
        return f"{self.url}: {name}"

    def read(self, name: str, most: int = MOST_BYTES) -> bytes:
        """Return the content of a file.

        Raises:
            DataError: it is not there, cannot be read, or has more than `most` bytes.
        """
        with self.stream(name) as stream:
            content: bytes = stream.read(most + 1)
        if len(content) > most:
            raise DataError(f"{self.where(name)}: more than {most} bytes, which this file never has.")
        return content

    @contextmanager
    def stream(self, name: str) -> Iterator[Any]:
        """Open a file for reading."""
        try:
            with self._files.open(self._path(name), "rb") as stream:
                yield stream
        except FileNotFoundError as cause:
            raise DataError(f"{self.where(name)} is missing. Get the archive again.") from cause
        except _DAMAGE as cause:
            raise DataError(f"{self.where(name)} cannot be read ({' '.join(str(cause).split())[:120]}).") from cause

    def json(self, name: str, most: int = 256 * 2**20) -> Any:
        """Return what a JSON file holds."""
        try:
            return json.loads(self.read(name, most))
        except (ValueError, RecursionError) as cause:
            raise DataError(
                f"{self.where(name)} is no JSON ({type(cause).__name__}). Get the archive again."
            ) from cause

    def numbers(self, name: str) -> np.ndarray:
        """Return the array of an .npy file."""
        with self.stream(name) as stream:
            try:
                return read_npy(stream)
            except ValueError as cause:
                raise DataError(f"{self.where(name)}: {cause}. Get the archive again.") from cause

    @contextmanager
    def raster(self, name: str, driver: str = "GTiff") -> Iterator[Any]:
        """Open an image; its windows are read when they are asked for."""
        with _raster_errors(self.where(name)), rasterio.Env(**_ALONE), self._opened(name, driver) as raster:
            if max(raster.width, raster.height) > _MOST_SIDE:
                raise DataError(f"{self.where(name)}: {raster.width} x {raster.height} pixels, which is too many.")
            yield raster

    @contextmanager
    def _opened(self, name: str, driver: str) -> Iterator[Any]:
        path = self._path(name)
        if isinstance(self._files, LocalFileSystem) or (
            self._cache is not None and not isinstance(self._files, ZipFileSystem)
        ):
            url = self._files.unstrip_protocol(path)
            here = url.removeprefix("file://") if self._cache is None else self._cache.local(url)
            with rasterio.open(os.path.abspath(here), driver=driver) as raster:
                yield raster
        else:
            with MemoryFile(self.read(name)) as memory, memory.open(driver=driver) as raster:
                yield raster

    def bands(self, name: str, shape: tuple[int, int, int]) -> np.ndarray:
        """Return a small image whole, [C,H,W].

        Raises:
            DataError: it has another shape.
        """
        with self.raster(name) as raster:
            found = (raster.count, raster.height, raster.width)
            if found != shape:
                raise DataError(f"{self.where(name)}: has shape {list(found)}, expected {list(shape)}.")
            values: np.ndarray = raster.read()
        return values

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}".rstrip("/") if self._root else name


@contextmanager
def _raster_errors(where: str) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            yield
    except RasterioError as cause:
        raise DataError(
            f"{where} is no readable image ({' '.join(str(cause).split())[:120]}). Get it again."
        ) from cause
