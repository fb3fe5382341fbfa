"""Where the files of a GRD product lie: a folder, or a zip that is read in place and never unpacked."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from dataclasses import dataclass

from olmoearth_core.errors import DataError

_MOST_ENTRIES = 10_000
_MOST_BYTES = 16 * 2**20
"""Of a metadata file; true ones have some 2 MB."""
_FOLDERS = ("", "annotation", "annotation/calibration", "measurement")
_EXPECTED = "expected the folder or zip of a GRD product, with manifest.safe, annotation and measurement"
_TORN = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, KeyError, ValueError)
"""What the standard library raises for damaged and for encrypted archives."""
_CHANNEL = {
    "measurement": re.compile(r"measurement/s1[a-d]-(?P<mode>\w+)-grd-(?P<channel>[vh]{2})-[^/]+\.tiff?", re.I),
    "annotation": re.compile(r"annotation/s1[a-d]-(?P<mode>\w+)-grd-(?P<channel>[vh]{2})-[^/]+\.xml", re.I),
    "calibration": re.compile(
        r"annotation/calibration/calibration-s1[a-d]-(?P<mode>\w+)-grd-(?P<channel>[vh]{2})-[^/]+\.xml", re.I
    ),
    "noise": re.compile(
        r"annotation/calibration/noise-s1[a-d]-(?P<mode>\w+)-grd-(?P<channel>[vh]{2})-[^/]+\.xml", re.I
    ),
}


@dataclass(frozen=True)
class Package:
    """A product. source: as given. root: what GDAL puts before names. names: of files, inside the product.

    prefix: the product's folder in the zip, with "/"; "" for a folder.
    """

    source: str
    root: str
    names: tuple[str, ...]
    prefix: str
    zipped: bool

    @property
    def title(self) -> str:
        """The product's own name, which says mode, type and polarisation."""
        return self.prefix.rstrip("/") or os.path.basename(os.path.abspath(self.source))

    def place(self, name: str) -> str:
        """Return how GDAL is told to open a file of the product."""
        return f"{self.root}{self.prefix}{name}"

    def channels(self, kind: str) -> dict[str, str]:
        """Return polarisation (vv) -> file. kind: measurement, annotation, calibration or noise.

        Raises:
            DataError: one has two files.
        """
        found: dict[str, str] = {}
        for name in self.names:
            parts = _CHANNEL[kind].fullmatch(name)
            if parts is None:
                continue
            channel = parts["channel"].lower()
            if channel in found:
                raise DataError(f"{self.source}: {found[channel]} and {name} both hold {channel}, expected one file.")
            found[channel] = name
        return found

    def content(self, name: str) -> bytes:
        """Return a metadata file; DataError if it is torn or larger than any."""
        try:
            if not self.zipped:
                with open(self.place(name), "rb") as file:
                    content = file.read(_MOST_BYTES + 1)
            else:
                with zipfile.ZipFile(self.source) as archive, archive.open(f"{self.prefix}{name}") as entry:
                    content = entry.read(_MOST_BYTES + 1)
        except _TORN as error:
            raise DataError(f"{self.source}: {name} cannot be read ({error}). Fetch the product again.") from error
        if len(content) > _MOST_BYTES:
            raise DataError(
                f"{self.source}: {name} has more than {_MOST_BYTES >> 20} MiB, expected some 2. Is it a product?"
            )
        return content


def package(path: str) -> Package:
    """Look which product a path is; reads no metadata.

    Raises:
        DataError: it is none, or two in one.
    """
    if os.path.isdir(path):
        names = tuple(sorted(_listed(path)))
        if "manifest.safe" not in names:
            raise DataError(f"{path}: has no manifest.safe; {_EXPECTED}.")
        return Package(path, os.path.join(os.path.abspath(path), ""), names, "", zipped=False)
    if not os.path.isfile(path):
        raise DataError(f"{path}: not found; {_EXPECTED}.")
    if not path.lower().endswith(".zip"):
        raise DataError(f"{path}: is no product; {_EXPECTED}.")
    return _zipped(path)


def _listed(path: str) -> list[str]:
    names = []
    for folder in _FOLDERS:
        place = os.path.join(path, folder)
        if os.path.isdir(place):
            names += [f"{folder}/{name}".lstrip("/") for name in os.listdir(place)[:_MOST_ENTRIES]]
    return names


def _zipped(path: str) -> Package:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.namelist()
    except _TORN as error:
        raise DataError(f"{path}: cannot be read as a zip ({error}). Fetch the product again.") from error
    if len(entries) > _MOST_ENTRIES:
        raise DataError(f"{path}: {len(entries):,} files, expected some dozens. Is it another archive?")
    mains = [name for name in entries if re.fullmatch(r"(?:[^/.][^/]*/)?manifest\.safe", name)]
    if len(mains) != 1:
        raise DataError(f"{path}: found {' and '.join(mains[:4]) or 'no manifest.safe'}; {_EXPECTED}, one at a time.")
    prefix = mains[0].removesuffix("manifest.safe")
    names = tuple(sorted(name.removeprefix(prefix) for name in entries if name.startswith(prefix)))
    # Braces, because the product's own name ends in ".SAFE.zip" or in anything else.
    return Package(path, f"/vsizip/{{{os.path.abspath(path)}}}/", names, prefix, zipped=True)
