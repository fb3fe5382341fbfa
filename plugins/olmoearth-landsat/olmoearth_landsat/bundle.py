"""Where the files of a USGS bundle lie: a folder, or a .tar that is read in place and never unpacked.

Nothing of an archive is trusted: names that leave it, links, members that are larger than the archive and names that
occur twice are refused before anything is opened.
"""

from __future__ import annotations

import os
import tarfile
from dataclasses import dataclass

from olmoearth_core.errors import DataError
from olmoearth_landsat.metadata import Metadata, metadata_of
from olmoearth_landsat.mtl_format import MOST_BYTES, SUFFIXES

_EXPECTED = "expected a folder or .tar with NAME_MTL.txt, NAME_MTL.xml or NAME_MTL.json, as USGS gives them"
_MOST_MEMBERS = 1000
"""True bundles have some 25."""


@dataclass(frozen=True)
class Bundle:
    """A product. source: as given. root: what GDAL puts before names. mtl: name of the metadata file.

    members: name -> place and size in the archive, None = a folder.
    """

    source: str
    root: str
    mtl: str
    members: dict[str, tuple[int, int]] | None = None

    def place(self, name: str) -> str:
        """Return how GDAL is told to open a file, from the root."""
        return f"{self.root}{name}"

    def holds(self, name: str) -> bool:
        """Whether a file lies beside the metadata. name: "" = none."""
        inside = self._beside(name)
        return bool(name) and (os.path.isfile(self.place(inside)) if self.members is None else inside in self.members)

    def metadata(self) -> Metadata:
        """Read the metadata; DataError if it is damaged or of another product than its name says."""
        where = f"{self.source}: {os.path.basename(self.mtl)}"
        found = metadata_of(self._content(where), where)
        stem = self.mtl.rpartition("/")[2].rpartition("_MTL.")[0]
        if stem.upper() != found.product.text:
            raise DataError(f"{where}: its content is of {found.product.text}, another scene. Fetch the product again.")
        return found

    def file(self, band: str, name: str) -> str:
        """Return how GDAL opens a listed file; DataError if it is not there."""
        if not self.holds(name):
            raise DataError(
                f"{self.source}: {name} ({band}) is listed in {os.path.basename(self.mtl)}, but missing. Fetch the "
                "product again, or ask for other bands."
            )
        return self.place(self._beside(name))

    def _beside(self, name: str) -> str:
        folder, slash, _ = self.mtl.rpartition("/")
        return f"{folder}{slash}{name}"

    def _content(self, where: str) -> bytes:
        try:
            with open(self.source if self.members is not None else self.place(self.mtl), "rb") as file:
                start, size = (0, -1) if self.members is None else self.members[self.mtl]
                file.seek(start)
                return file.read(MOST_BYTES + 1 if size < 0 else min(size, MOST_BYTES + 1))
        except OSError as error:
            raise DataError(f"{where}: cannot be read ({error.strerror}). Fetch the product again.") from error


def bundle(path: str) -> Bundle:
    """Look which product a folder, a .tar or an MTL file is; reads no metadata.

    Raises:
        DataError: it is none, or several in one, or an archive that is not what it claims.
    """
    if os.path.isdir(path):
        mtl = _only(path, os.listdir(path))
        return Bundle(path, os.path.join(os.path.abspath(path), ""), mtl)
    if not os.path.isfile(path):
        raise DataError(f"{path}: not found; {_EXPECTED}.")
    folder, name = os.path.split(path)
    if name.endswith(SUFFIXES):
        return Bundle(path, os.path.join(os.path.abspath(folder), ""), name)
    if name.lower().endswith((".tar.gz", ".tgz")):
        raise DataError(f"{path}: is compressed as a whole, as in Collection 1; {_EXPECTED}. Unpack it into a folder.")
    if not name.lower().endswith(".tar"):
        raise DataError(f"{path}: is no product; {_EXPECTED}.")
    return _archive(path)


def stands_for_its_product(path: str) -> bool:
    """Whether a path is the one by which a walk through folders should meet a product.

    Of the metadata files of a product this is the first, and only where the folder has several products.
    """
    if not path.endswith(SUFFIXES):
        return True
    folder, name = os.path.split(path)
    return name in (leads := _leads(os.listdir(folder or "."))) and len(leads) > 1


def _archive(path: str) -> Bundle:
    members: dict[str, tuple[int, int]] = {}
    size = os.path.getsize(path)
    try:
        with tarfile.open(path, "r:") as archive:
            for number, member in enumerate(archive, 1):
                _require_harmless(path, member, size, number)
                if member.type in (tarfile.REGTYPE, tarfile.AREGTYPE):
                    name = member.name.removeprefix("./")
                    if name in members:
                        raise DataError(f"{path}: {name[:120]} occurs twice in it. Fetch the product again.")
                    members[name] = (member.offset_data, member.size)
    except (OSError, tarfile.TarError, ValueError, EOFError, OverflowError) as error:
        raise DataError(f"{path}: cannot be read as a tar ({error}). Fetch the product again.") from error
    # Braces, because GDAL otherwise looks for the end of the archive's name by itself.
    return Bundle(path, f"/vsitar/{{{os.path.abspath(path)}}}/", _only(path, list(members)), members)


def _require_harmless(path: str, member: tarfile.TarInfo, size: int, number: int) -> None:
    name = member.name
    parts = name.removeprefix("./").split("/")
    if name.startswith("/") or ".." in parts or "\\" in name or len(parts) > 2 or len(name) > 300:
        raise DataError(f'{path}: holds "{name[:120]}", expected names inside the archive. It is no product of USGS.')
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE):
        raise DataError(f'{path}: "{name[:120]}" is a link or device, expected files. It is no product of USGS.')
    if member.size < 0 or member.offset_data + member.size > size:
        raise DataError(
            f"{path}: {name[:120]} is said to have {member.size:,} bytes, but the whole archive has {size:,}. It is "
            "torn; fetch the product again."
        )
    if number > _MOST_MEMBERS:
        raise DataError(f"{path}: more than {_MOST_MEMBERS} files, expected some 25. Is it another archive?")


def _leads(names: list[str]) -> list[str]:
    """Return one metadata file of each product, the text before XML before JSON."""
    found: dict[str, str] = {}
    for suffix in SUFFIXES:
        for name in sorted(names):
            if name.endswith(suffix):
                found.setdefault(name.removesuffix(suffix), name)
    return sorted(found.values())


def _only(path: str, names: list[str]) -> str:
    leads = _leads(names)
    if len(leads) != 1:
        found = f"found {' and '.join(leads[:4])}" if leads else "found none"
        raise DataError(f"{path}: {found}; {_EXPECTED}, one product at a time.")
    return leads[0]
