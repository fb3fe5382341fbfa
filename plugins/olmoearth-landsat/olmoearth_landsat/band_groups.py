"""Which files of a folder are the bands of one image: those whose names differ in the band alone."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from olmoearth_core.readers.band_group import the_group
from olmoearth_core.readers.stac_item import has_item
from olmoearth_landsat.mtl_format import SUFFIXES
from olmoearth_landsat.product import METERS, ProductId, said_id

_FILE = re.compile(
    r"(?P<stem>(?:.*?[_.-])?)(?:SR_|ST_)?(?P<band>B[1-9]|B1[01]|QA_PIXEL)(?P<tail>(?:[_.-].*)?)\.(?:tiff?)",
    re.IGNORECASE,
)
_RASTER = (".tif", ".tiff", ".jp2")
_LANDSAT = re.compile(r"(?<![A-Z0-9])(?:L[CO]?0?[89]|LANDSAT[ _-]?[89]?)(?![A-Z0-9])", re.IGNORECASE)
_OTHERS = re.compile(r"(?<![A-Z0-9])(?:S2[A-D]|MSIL?[12][AC]|HLS)(?![A-Z0-9])|SENTINEL", re.IGNORECASE)
_NONE = (
    "no Landsat image with one file per band; expected names such as LC08_..._B4.TIF or LC08_..._SR_B4.TIF. A stack of "
    "bands is read by landsat.stacked.v1, Sentinel-2 (B04) by its own."
)


@dataclass(frozen=True)
class Group:
    """Files of one image. stem, tail: of their names. files: band -> path. mask: QA_PIXEL."""

    folder: str
    stem: str
    tail: str
    files: Mapping[str, str]
    mask: str | None

    @property
    def lead(self) -> str:
        """The file that stands for the group where a folder is walked: that of the first band."""
        return next(iter(self.files.values()))

    def product(self) -> ProductId | None:
        """Return the identifier that names of files or the folder say; DataError if of another satellite."""
        return said_id(self.lead, self._text)

    def is_landsat(self) -> bool:
        """Whether the names say so."""
        return _LANDSAT.search(self._text.replace("_", " ")) is not None or bool(self.product())

    @property
    def _text(self) -> str:
        return f"{self.stem} {self.tail} {os.path.basename(os.path.abspath(self.folder))}"


def groups(folder: str) -> list[Group]:
    """Return the images of a folder, in the order of names. Files of other sensors are left out."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for name in sorted(os.listdir(folder)):
        parts = _FILE.fullmatch(name)
        if parts is None or _OTHERS.search(name.replace("_", " ")):
            continue
        bands = found.setdefault((parts["stem"], parts["tail"]), {})
        bands[parts["band"].upper()] = os.path.join(folder, name)
    made = []
    for (stem, tail), paths in found.items():
        files = {band: paths[band] for band in METERS if band in paths}
        if files:
            made.append(Group(folder, stem, tail, files, paths.get("QA_PIXEL")))
    return made


def group_of(path: str) -> Group:
    """Return the group that a folder, one of its files, or what their names begin with stands for.

    Raises:
        DataError: there is none, or a folder has several.
    """
    return the_group(path, groups, _belongs, _NONE)


def _belongs(group: Group, name: str) -> bool:
    parts = _FILE.fullmatch(name)
    return parts is not None and (group.stem, group.tail) == (parts["stem"], parts["tail"])


def is_alone(group: Group) -> bool:
    """Whether a folder holds the files of one image and no other raster of bands."""
    names = {name for name in os.listdir(group.folder) if name.lower().endswith(_RASTER)}
    files = {os.path.basename(path) for path in group.files.values()}
    return all(name in files or _is_quality(name) for name in names)


def _is_quality(name: str) -> bool:
    """Whether a file is one of the masks and angles that lie beside bands."""
    return re.search(r"(?:^|[_.-])B?QA|_(?:SAA|SZA|VAA|VZA)\.", name, re.IGNORECASE) is not None


def has_metadata(folder: str) -> bool:
    """Whether an MTL file or a STAC item lies beside the files; they know more of them than their names do."""
    return any(name.endswith(SUFFIXES) for name in os.listdir(folder or ".")) or has_item(folder)
