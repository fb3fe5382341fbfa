"""Where the files of a product lie: a folder, or a zip that is read in place and never unpacked."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from olmoearth_core.errors import DataError
from olmoearth_sentinel2.safe_metadata import FILES, MOST_BYTES, Metadata, parse

_MAIN = re.compile(r"(?:[^/]+/)?(MTD_MSIL(?:1C|2A)\.xml)")
_EXPECTED = "expected a folder or zip with MTD_MSIL2A.xml or MTD_MSIL1C.xml, as ESA has given them since December 2016"
_MOST_ENTRIES = 10_000


@dataclass(frozen=True)
class Package:
    """A product. source: as given. root: what GDAL puts before names. main: name of the metadata file.

    entries: names in the zip, None = a folder. prefix: the product's folder in the zip, with "/".
    """

    source: str
    root: str
    main: str
    prefix: str = ""
    entries: frozenset[str] | None = None

    def place(self, name: str) -> str:
        """Return how GDAL is told to open a file of the product."""
        return f"{self.root}{self.prefix}{name}"

    def has(self, name: str) -> bool:
        """Whether the product has a file."""
        if self.entries is None:
            return os.path.isfile(self.place(name))
        return f"{self.prefix}{name}" in self.entries

    def metadata(self) -> Metadata:
        """Read the main metadata file; DataError if it is damaged or not of the level that its name says."""
        where = f"{self.source}: {self.main}"
        metadata = parse(self._content(), where)
        if metadata.level != FILES[self.main]:
            raise DataError(f"{where}: its content is of the other level. Fetch the product again.")
        return metadata

    def _content(self) -> bytes:
        try:
            if self.entries is None:
                with open(self.place(self.main), "rb") as file:
                    return file.read(MOST_BYTES + 1)
            with zipfile.ZipFile(self.source) as archive, archive.open(f"{self.prefix}{self.main}") as entry:
                return entry.read(MOST_BYTES + 1)
        except _TORN as error:
            raise DataError(f"{self.source}: {self.main} cannot be read ({error}). Fetch the product again.") from error

    def image(self, listed: str) -> str:
        """Return the name of a listed image, inside the product.

        Raises:
            DataError: it points out of the product.
        """
        path = PurePosixPath(listed)
        if path.is_absolute() or ".." in path.parts or "\\" in listed or ":" in listed or len(listed) > 500:
            raise DataError(f'{self.source}: {self.main} lists an image "{listed[:200]}", expected one inside.')
        return str(path) if path.suffix.lower() == ".jp2" else f"{path}.jp2"


_TORN = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, KeyError)
"""What the standard library raises for damaged and for encrypted archives."""


def package(path: str) -> Package:
    """Look which product a path is; reads no metadata.

    Raises:
        DataError: it is none, or two in one.
    """
    if os.path.isdir(path):
        mains = [name for name in FILES if os.path.isfile(os.path.join(path, name))]
        return Package(path, os.path.join(os.path.abspath(path), ""), _only(path, mains))
    if not os.path.isfile(path):
        raise DataError(f"{path}: not found; {_EXPECTED}.")
    if not path.lower().endswith(".zip"):
        raise DataError(f"{path}: is no product; {_EXPECTED}.")
    return _zipped(path)


def _zipped(path: str) -> Package:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except _TORN as error:
        raise DataError(f"{path}: cannot be read as a zip ({error}). Fetch the product again.") from error
    if len(names) > _MOST_ENTRIES:
        raise DataError(f"{path}: {len(names):,} files, expected some hundred. Is it another archive?")
    mains = [name for name in names if _MAIN.fullmatch(name) and not name.startswith(("/", ".."))]
    main = _only(path, mains)
    # Braces, because the product's own name ends in ".SAFE.zip" or in anything else.
    root = f"/vsizip/{{{os.path.abspath(path)}}}/"
    return Package(path, root, PurePosixPath(main).name, main.removesuffix(PurePosixPath(main).name), frozenset(names))


def _only(path: str, mains: list[str]) -> str:
    if len(mains) != 1:
        found = f"found {' and '.join(mains[:4])}" if mains else "found none"
        raise DataError(f"{path}: {found}; {_EXPECTED}, one product at a time.")
    return mains[0]
