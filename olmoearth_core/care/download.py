"""Fetch one file over HTTP(S): goes on where it was cut off, checks size and SHA-256, appears whole or not at all.

The unfinished file lies beside as `.name.part`, with a note of what the server called the file's version (ETag or
Last-Modified); a part of another version is thrown away, never continued.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from olmoearth_core.errors import DataError

_BLOCK = 1 << 20
_CUT = (OSError, http.client.HTTPException)
_FINAL = range(400, 500)
_WAIT_SECONDS = (1, 2, 4, 8, 16)


def download(
    url: str,
    target: Path,
    *,
    sha256: str | None = None,
    most_bytes: int = 10**13,
    sleep: Callable[[float], None] = time.sleep,
    timeout: float = 60.0,
) -> Path:
    """Fetch `url` to `target` and return it; a file that is there already is only checked.

    sleep: waits between attempts that were cut off without progress; six such in a row end it.

    Raises:
        DataError: no network, the server refuses, or the content is not what was promised.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise DataError(f"{url}: is no http:// or https:// address.")
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        _complete(url, part, most_bytes, sleep, timeout)
        _check(part, sha256, url)
        os.replace(part, target)
        _note(part).unlink(missing_ok=True)
    else:
        _check(target, sha256, url, remove=False)
    return target


def _complete(url: str, part: Path, most: int, sleep: Callable[[float], None], timeout: float) -> None:
    idle = 0
    while True:
        before = _size(part)
        try:
            if _attempt(url, part, most, timeout):
                return
            cause: Exception = ConnectionError("the connection ended too early")
        except urllib.error.HTTPError as error:
            with error:
                if error.code in _FINAL and error.code not in (408, 416, 429):
                    raise DataError(_refused(url, error)) from error
                if error.code == 416:
                    part.unlink(missing_ok=True)
            cause = error
        except _CUT as error:
            cause = error
        idle = 0 if _size(part) > before else idle + 1
        if idle > len(_WAIT_SECONDS):
            raise DataError(_unreachable(url, part, cause)) from cause
        if idle:
            sleep(_WAIT_SECONDS[idle - 1])


def _attempt(url: str, part: Path, most: int, timeout: float) -> bool:
    """Fetch what is missing; whether the file is complete now."""
    have, version = _size(part), _version(part)
    headers = {"User-Agent": "olmoearth", "Accept-Encoding": "identity"}
    if have and version:
        headers |= {"Range": f"bytes={have}-", "If-Range": version}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout) as answer:
        continued = answer.status == 206 and _begins_at(answer, have)
        if answer.status == 206 and not continued:
            raise ConnectionError(f"the server sent another part: {answer.headers.get('Content-Range')}")
        start = have if continued else 0
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length is not None and length.isdigit() else None
        if (total or 0) > most:
            raise DataError(f"{url}: has {total} bytes, more than {most}.")
        if not continued:
            _remember(part, answer)
        with part.open("ab" if continued else "wb") as out:
            written = start
            while block := answer.read(_BLOCK):
                written += len(block)
                if written > most:
                    raise DataError(f"{url}: has more than {most} bytes.")
                out.write(block)
        return total is None or written == total


def _begins_at(answer: Any, start: int) -> bool:
    return str(answer.headers.get("Content-Range", "")).startswith(f"bytes {start}-")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _remember(part: Path, answer: Any) -> None:
    tag = answer.headers.get("ETag", "")
    # A weak tag names a meaning, not bytes, so it cannot continue a file.
    version = tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")
    part.unlink(missing_ok=True)
    _note(part).write_text(json.dumps({"version": version}), "utf-8")


def _version(part: Path) -> str:
    try:
        return str(json.loads(_note(part).read_text("utf-8"))["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _check(path: Path, sha256: str | None, url: str, *, remove: bool = True) -> None:
    if sha256 is None:
        return
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(_BLOCK), b""):
            digest.update(block)
    if digest.hexdigest() != sha256.lower():
        if remove:
            path.unlink()
        todo = "It was removed: try again, and" if remove else "Remove it and try again;"
        raise DataError(
            f"{path}: has the SHA-256 {digest.hexdigest()}, expected {sha256.lower()} of {url}. {todo} if it stays so, "
            "the file on the server has changed."
        )


def _refused(url: str, error: urllib.error.HTTPError) -> str:
    return f"{url}: the server answered {error.code} {error.reason}. Check the address, and whether it needs a login."


def _unreachable(url: str, part: Path, cause: Exception) -> str:
    kept = f" {_size(part)} bytes are kept in {part}; the same command goes on there." if _size(part) else ""
    return (
        f"{url}: cannot be fetched ({cause}).{kept} Without a network, fetch it elsewhere, for example with "
        f"`curl -LO {url}`, copy it here, and give its path instead of the address."
    )
