"""The folder of downloaded files: one folder per item, named so that nothing can lie outside.

While a process works with an item it holds a lock on it, and only items that nobody holds are cleared away when the
folder grows beyond its bound, those used longest ago first. Locks go with the process that holds them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from olmoearth_core.errors import DataError
from olmoearth_stac.item import Item

ITEM = "item.json"
"""Name of the item itself among its files."""
_LONGEST = 120
_HELD: dict[Path, int] = {}
"""Item folder -> number of its open lock file, per process; the system closes them when the process ends."""
_SLACK = 0.9
"""Share of the bound that is left after clearing."""


@dataclass(frozen=True)
class Shelf:
    """Places of files. most_bytes: bound of the folder, None = none; what is in use may exceed it."""

    root: Path
    most_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.most_bytes is not None and self.most_bytes <= 0:
            raise DataError(f"cache_limit_gb = {self.most_bytes / 1e9:g}: expected a size above 0, or nothing.")

    def folder(self, catalog: str, item: Item) -> Path:
        """Return the folder of an item, which this process may use until `release`."""
        parts = [safe_name(str(part)) for part in (catalog, item.get("collection"), item.get("id"))]
        place = self.root.joinpath(*parts)
        if place not in _HELD:
            lock = self._lock(place)
            lock.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(file, fcntl.LOCK_SH)
            _HELD[place] = file
        place.mkdir(parents=True, exist_ok=True)
        os.utime(place)
        return place

    def release(self) -> None:
        """Let go of all items of this process, and clear what is too much."""
        for file in _HELD.values():
            os.close(file)
        _HELD.clear()
        self.clear()

    def clear(self) -> None:
        """Remove items that nobody uses, those used longest ago first, until the bound is kept."""
        if self.most_bytes is None:
            return
        found = sorted((_used(folder), _size(folder), folder) for folder in self.root.glob("*/*/*") if folder.is_dir())
        total = sum(size for _, size, _ in found)
        if total <= self.most_bytes:
            return
        for _, size, folder in found:
            if total <= self.most_bytes * _SLACK:
                return
            if self._removed(folder):
                total -= size

    def _removed(self, folder: Path) -> bool:
        with self._lock(folder).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            shutil.rmtree(folder, ignore_errors=True)
            return True

    def _lock(self, place: Path) -> Path:
        return self.root / ".locks" / f"{hashlib.sha256(str(place.relative_to(self.root)).encode()).hexdigest()}.lock"


def file_names(item: Item) -> Mapping[str, str]:
    """Return asset -> file name: the one in its address, with the asset's name before it where that one is taken."""
    assets = {str(key): asset for key, asset in item["assets"].items()}
    names = {key: PurePosixPath(unquote(urlsplit(str(a.get("href", ""))).path)).name for key, a in assets.items()}
    count = Counter([ITEM, *(name.lower() for name in names.values())])
    found = {
        key: safe_name(name if name and count[name.lower()] == 1 else f"{key}_{name}" if name else key)
        for key, name in names.items()
    }
    again = Counter([ITEM, *(name.lower() for name in found.values())])
    # Names that begin with a dot get a hash, which keeps those apart that are still the same.
    return {key: name if again[name.lower()] == 1 else safe_name(f".{key}/{name}") for key, name in found.items()}


def safe_name(text: str) -> str:
    """Return a name for one file or folder on any system; different texts give different names."""
    clean = re.sub(r"[^A-Za-z0-9._-]", "_", text)
    if clean == text and text and not text.startswith(".") and len(text) <= _LONGEST:
        return text
    stem, dot, suffix = clean.strip(".")[-_LONGEST:].rpartition(".")
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{stem}-{mark}.{suffix}" if dot else f"{suffix}-{mark}"


def _used(folder: Path) -> int:
    with suppress(OSError):
        return folder.stat().st_mtime_ns
    return 0


def _size(folder: Path) -> int:
    total = 0
    for path in folder.iterdir() if folder.is_dir() else ():
        with suppress(OSError):
            total += path.stat().st_size
    return total
