"""Copy one file from any fsspec address to this machine: goes on where it was cut off, appears whole or not at all.

For http(s) there is `olmoearth_core.care.download`, which also knows the versions that servers give to files.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import fsspec

from olmoearth_core import uri
from olmoearth_core.errors import DataError

_BLOCK = 1 << 20
_WAIT_SECONDS = (1, 2, 4, 8, 16)


def copy(url: str, target: Path, *, sha256: str | None = None, sleep: Callable[[float], None] = time.sleep) -> Path:
    """Copy `url` to `target` and return it; a file that is there already is only checked.

    sleep: waits between attempts that made no progress; six such in a row end it.

    Raises:
        DataError: there is no such file, it cannot be reached, or its content is not what was promised.
    """
    if target.exists():
        _check(target, sha256, url, remove=False)
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    idle = 0
    while True:
        before = _size(part)
        try:
            _go_on(url, part)
            break
        except FileNotFoundError as cause:
            raise DataError(
                f"{url}: there is no such file. Check the address, and whether it needs a login."
            ) from cause
        # Every file system fails with types of its own.
        except Exception as cause:
            idle = 0 if _size(part) > before else idle + 1
            if idle > len(_WAIT_SECONDS):
                raise DataError(f"{url}: cannot be read ({cause}). The same command goes on where it ended.") from cause
        if idle:
            sleep(_WAIT_SECONDS[idle - 1])
    _check(part, sha256, url, remove=True)
    os.replace(part, target)
    _note(part).unlink(missing_ok=True)
    return target


def size_of(url: str) -> int:
    """Return the size of a file in bytes; 0 where it cannot be asked."""
    try:
        system, path = fsspec.url_to_fs(uri.resolve(url))
        return int(system.size(path) or 0)
    # The copy itself says what is wrong.
    except Exception:
        return 0


def _go_on(url: str, part: Path) -> None:
    system, path = fsspec.url_to_fs(uri.resolve(url))
    total, version = int(system.size(path)), str(system.ukey(path)) if hasattr(system, "ukey") else ""
    if _version(part) != version or _size(part) > total:
        part.unlink(missing_ok=True)
        _note(part).write_text(json.dumps({"version": version}), "utf-8")
    with system.open(path, "rb") as source, part.open("ab") as out:
        source.seek(_size(part))
        while block := source.read(_BLOCK):
            out.write(block)
    if _size(part) != total:
        raise ConnectionError(f"{_size(part)} of {total} bytes came")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _version(part: Path) -> str | None:
    try:
        return str(json.loads(_note(part).read_text("utf-8"))["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _check(path: Path, sha256: str | None, url: str, *, remove: bool) -> None:
    if sha256 is None:
        return
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(_BLOCK), b""):
            digest.update(block)
    if digest.hexdigest() != sha256.lower():
        if remove:
            path.unlink()
        todo = "It was removed: try again." if remove else "Remove it and try again."
        raise DataError(
            f"{path}: has the SHA-256 {digest.hexdigest()}, expected {sha256.lower()} of {url}. {todo} If it stays so, "
            "the file has changed."
        )
