"""Which files of a folder are the polarisations of one image: those whose names differ in VV and VH alone."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from olmoearth_core.errors import DataError
from olmoearth_sentinel1.product_name import EXPECTED

_FILE = re.compile(
    r"(?P<before>(?:.*[_.-])?)(?P<channel>VV|VH|HH|HV)"
    r"(?P<after>(?:[_.-](?:rtc|gamma0|sigma0|power|intensity|amplitude|db|cog))*)\.tiff?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Group:
    """Files of one image. files: polarisation (vv) -> path, vv first. said: words behind the polarisation."""

    files: Mapping[str, str]
    said: str

    @property
    def lead(self) -> str:
        """The file that stands for the group where a folder is walked."""
        return next(iter(self.files.values()))


def groups(folder: str) -> list[Group]:
    """Return the images of a folder, in the order of names."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for name in sorted(os.listdir(folder)):
        parts = _FILE.fullmatch(name)
        if parts is not None:
            files = found.setdefault((parts["before"], parts["after"]), {})
            files.setdefault(parts["channel"].lower(), os.path.join(folder, name))
    ordered: list[tuple[str, dict[str, str]]] = [
        (after, {c: files[c] for c in ("vv", "vh", "hh", "hv") if c in files}) for (_, after), files in found.items()
    ]
    return [Group(files, re.sub(r"[_.-]", " ", after)) for after, files in ordered]


def group_of(path: str) -> Group:
    """Return the group that a folder or one of its files stands for.

    Raises:
        DataError: there is none, a folder has several, or it is of other polarisations alone.
    """
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    if not os.path.exists(path):
        raise DataError(f"{path}: not found. Give a file, or a folder with one image.")
    found = groups(folder or ".")
    if folder != path:
        found = [g for g in found if os.path.basename(path) in map(os.path.basename, g.files.values())]
    if len(found) > 1:
        shown = ", ".join(os.path.basename(g.lead) for g in found[:4])
        raise DataError(f"{path}: {len(found)} images ({shown}). Give one of their files.")
    if not found:
        raise DataError(
            f"{path}: no Sentinel-1 image by its name; expected NAME_VV.tif and NAME_VH.tif, or one GeoTIFF with bands "
            "named vv and vh. A .SAFE product is read by sentinel1.grd_safe.v1."
        )
    wanted = {channel: file for channel, file in found[0].files.items() if channel in ("vv", "vh")}
    if not wanted:
        raise DataError(f"{path}: its polarisation is {', '.join(found[0].files).upper()}, expected {EXPECTED}.")
    return Group(wanted, found[0].said)
