"""Which files of a folder are the bands of one image: those whose names differ in the band alone."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from olmoearth_core.readers.band_group import the_group
from olmoearth_sentinel2.band_names import METERS, band, other_sensor

_FILE = re.compile(
    r"(?P<stem>(?:.*[_.-])?)(?P<band>B0?[1-9]|B1[0-2]|B0?8A|SCL)(?:_(?P<meters>10|20|60)m)?\.(?:tiff?|jp2)",
    re.IGNORECASE,
)
_RASTER = (".tif", ".tiff", ".jp2")
_PADDED = re.compile(r"B0[1-9]|B0?8A", re.IGNORECASE)
_NONE = (
    "no Sentinel-2 image with one file per band; expected names such as NAME_B02.tif and NAME_B8A.tif. A stack of "
    "bands is read by sentinel2.stacked.v1, a .SAFE product by sentinel2.safe.v1, Landsat by its own."
)


@dataclass(frozen=True)
class Group:
    """Files of one image. stem: what their names begin with. files: band -> path. classes: scene classification."""

    folder: str
    stem: str
    files: Mapping[str, str]
    classes: str | None

    @property
    def lead(self) -> str:
        """The file that stands for the group where a folder is walked: that of the first band."""
        return next(iter(self.files.values()))

    @property
    def text(self) -> str:
        """Names that may say level and time: of the files, then of the folder."""
        return f"{self.stem} {os.path.basename(os.path.abspath(self.folder))}"


def groups(folder: str) -> list[Group]:
    """Return the images of a folder, in the order of names. Landsat's and harmonised sets' files are left out."""
    found: dict[str, dict[str, dict[int, str]]] = {}
    for name in sorted(os.listdir(folder)):
        parts = _FILE.fullmatch(name)
        if parts is None or other_sensor(name):
            continue
        key = "SCL" if parts["band"].upper() == "SCL" else str(band(parts["band"].upper().replace("B08A", "B8A")))
        meters = int(parts["meters"] or 0)
        found.setdefault(parts["stem"], {}).setdefault(key, {})[meters] = os.path.join(folder, name)
    made = [_group(folder, stem, bands) for stem, bands in found.items()]
    return [group for group in made if any(_PADDED.search(os.path.basename(path)) for path in group.files.values())]


def _group(folder: str, stem: str, found: Mapping[str, Mapping[int, str]]) -> Group:
    files = {b: _native(found[b], meters) for b, meters in METERS.items() if b in found}
    return Group(folder, stem, files, _native(found["SCL"], 20) if "SCL" in found else None)


def _native(by_meters: Mapping[int, str], meters: int) -> str:
    """Return the file at a band's own resolution; without one, that whose name says none, else the finest."""
    return by_meters.get(meters) or by_meters[min(by_meters)]


def group_of(path: str) -> Group:
    """Return the group that a folder, one of its files, or what their names begin with stands for.

    Raises:
        DataError: there is none, or a folder has several.
    """
    return the_group(path, groups, _belongs, _NONE)


def _belongs(group: Group, name: str) -> bool:
    parts = _FILE.fullmatch(name)
    return parts is not None and group.stem == parts["stem"]


def is_alone(group: Group) -> bool:
    """Whether a folder holds the files of one image and no other raster."""
    names = {name for name in os.listdir(group.folder) if name.lower().endswith(_RASTER)}
    mine = {name for name in names if (p := _FILE.fullmatch(name)) is not None and p["stem"] == group.stem}
    return names == mine
