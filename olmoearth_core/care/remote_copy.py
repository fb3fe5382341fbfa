"""Copy one file from any fsspec address to this machine: goes on where it was cut off, appears whole or not at all.

For http(s) there is `olmoearth_core.care.download`, which also knows the versions that servers give to files.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import fsspec

from olmoearth_core import uri
from olmoearth_core.care.unfinished import BLOCK, WAIT_SECONDS, Unfinished, check
from olmoearth_core.errors import DataError


def copy(url: str, target: Path, *, sha256: str | None = None, sleep: Callable[[float], None] = time.sleep) -> Path:
    """Copy `url` to `target` and return it; a file that is there already is only checked.

    sleep: waits between attempts that made no progress; six such in a row end it.

    Raises:
        DataError: there is no such file, it cannot be reached, or its content is not what was promised.
    """
    if target.exists():
        check(target, sha256, url, remove=False)
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part, idle = Unfinished(target), 0
    while True:
        before = part.size
        try:
            _go_on(url, part)
            break
        except FileNotFoundError as cause:
            raise DataError(
                f"{url}: there is no such file. Check the address, and whether it needs a login."
            ) from cause
        # Every file system fails with types of its own.
        except Exception as cause:
            idle = 0 if part.size > before else idle + 1
            if idle > len(WAIT_SECONDS):
                raise DataError(f"{url}: cannot be read ({cause}). The same command goes on where it ended.") from cause
        if idle:
            sleep(WAIT_SECONDS[idle - 1])
    part.finish(sha256, url)
    return target


def size_of(url: str) -> int:
    """Return the size of a file in bytes; 0 where it cannot be asked."""
    try:
        system, path = fsspec.url_to_fs(uri.resolve(url))
        return int(system.size(path) or 0)
    # The copy itself says what is wrong.
    except Exception:
        return 0


def _go_on(url: str, part: Unfinished) -> None:
    system, path = fsspec.url_to_fs(uri.resolve(url))
    total, version = int(system.size(path)), str(system.ukey(path)) if hasattr(system, "ukey") else ""
    if part.version != version or part.size > total:
        part.begin(version)
    with system.open(path, "rb") as source, part.path.open("ab") as out:
        source.seek(part.size)
        while block := source.read(BLOCK):
            out.write(block)
    if part.size != total:
        raise ConnectionError(f"{part.size} of {total} bytes came")
