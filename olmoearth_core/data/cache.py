"""Local copies of remote samples, and how fast samples may be read.

A copy is keyed by the whole URL and the size and time of the original, so two data sets never share a file
and a changed original is fetched again. Copies are written beside their place and renamed: any number of
processes may fill one cache.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import fsspec

from olmoearth_core.data.cache_limit import CacheLimit
from olmoearth_core.errors import DataError

_REMEMBERED = 100_000
"""Originals whose size and time a process does not ask for again."""


class Throttle:
    """At most `per_second` reads per second and process, evenly spaced; None = no limit."""

    def __init__(
        self,
        per_second: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Start with no debt: the first read never waits."""
        if per_second is not None and per_second <= 0:
            raise DataError(f"dataset.samples_per_sec = {per_second}: expected a rate above 0, or null for no limit.")
        self._interval = 0.0 if per_second is None else 1.0 / per_second
        self._clock, self._sleep = clock, sleep
        self._due = 0.0

    def wait(self) -> None:
        """Sleep until the next read is due."""
        if self._interval == 0.0:
            return
        now = self._clock()
        start = max(now, self._due)
        # The next turn counts from when this read starts, not from when it was asked for.
        self._due = start + self._interval
        if start > now:
            self._sleep(start - now)


class Cache:
    """Maps the URL of a sample to a local file.

    folder: where copies go. None reads local files in place and keeps copies of remote ones in the user's cache folder.
    most_bytes: size of the folder above which the copies used longest ago are removed; None = no bound.
    """

    def __init__(self, folder: str | None, throttle: Throttle, most_bytes: int | None = None) -> None:
        """Touch no disk."""
        if most_bytes is not None and most_bytes <= 0:
            raise DataError(f"dataset.cache_limit_gb = {most_bytes / 1e9:g}: expected a size above 0, or null.")
        self._given = folder
        self._throttle = throttle
        self._limit = None if most_bytes is None else CacheLimit(self._folder(), most_bytes)
        self._known: dict[str, str] = {}

    def local(self, url: str) -> str:
        """Return the path of a local file with the content of `url`, fetching it if needed.

        Raises:
            DataError: the original is missing or cannot be copied.
        """
        if self._given is None and is_local(url):
            self._throttle.wait()
            return url.removeprefix("file://")
        if url not in self._known or not self._used(self._known[url]):
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[url] = self._copy(url)
        return self._known[url]

    def _used(self, path: str) -> bool:
        """Note that a copy is used; False if it was cleared away."""
        if self._limit is None:
            return True
        try:
            os.utime(path)
        except FileNotFoundError:
            return False
        return True

    def _copy(self, url: str) -> str:
        try:
            filesystem, path = fsspec.core.url_to_fs(url)
            place = self._place(url, state_of(filesystem.info(path)))
            if not (place.exists() and self._used(str(place))):
                self._throttle.wait()
                fetch(filesystem, path, place)
                if self._limit is not None:
                    self._limit.added(place.stat().st_size, keep=place)
        except FileNotFoundError as cause:
            raise DataError(f"{url}: there is no such file.") from cause
        except OSError as cause:
            raise DataError(f"{url}: cannot be copied to the cache ({cause}).") from cause
        return str(place)

    def _place(self, url: str, state: str) -> Path:
        key = hashlib.sha256(f"{url}\n{state}".encode()).hexdigest()
        return self._folder() / key[:2] / f"{key}.h5"

    def _folder(self) -> Path:
        return Path(self._given).expanduser() if self._given else _default_folder()


def is_local(url: str) -> bool:
    """Whether a URL names a file of this machine."""
    return "://" not in url or url.startswith("file://")


def state_of(info: Mapping[str, object]) -> str:
    """Return what differs once a file has changed, as far as its file system tells: size, times and tags."""
    # Times of object stores count seconds, so a tag is needed too.
    keys = ("size", "mtime", "LastModified", "last_modified", "updated", "created", "ETag", "etag", "md5Hash")
    return "\n".join(str(info[key]) for key in keys if key in info)


def _default_folder() -> Path:
    return Path.home() / ".cache" / "olmoearth" / "h5"


def fetch(filesystem: fsspec.AbstractFileSystem, path: str, place: Path) -> None:
    """Copy a file to its place, which is complete or not there."""
    place.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own per process: two workers may fetch the same sample, the last rename wins.
    handle, temporary = tempfile.mkstemp(dir=place.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as out, filesystem.open(path, "rb") as source:
            shutil.copyfileobj(source, out, 1 << 20)
        os.replace(temporary, place)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
