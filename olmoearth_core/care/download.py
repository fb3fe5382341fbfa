"""Fetch one file over HTTP(S): goes on where it was cut off, checks size and SHA-256, appears whole or not at all.

The version of an unfinished file is what the server calls it (ETag or Last-Modified).
"""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from olmoearth_core.care.unfinished import BLOCK, WAIT_SECONDS, Unfinished, check
from olmoearth_core.errors import DataError

_CUT = (OSError, http.client.HTTPException)
_FINAL = range(400, 500)


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
        part = Unfinished(target)
        _complete(url, part, most_bytes, sleep, timeout)
        part.finish(sha256, url)
    else:
        check(target, sha256, url, remove=False)
    return target


def _complete(url: str, part: Unfinished, most: int, sleep: Callable[[float], None], timeout: float) -> None:
    idle = 0
    while True:
        before = part.size
        try:
            if _attempt(url, part, most, timeout):
                return
            cause: Exception = ConnectionError("the connection ended too early")
        except urllib.error.HTTPError as error:
            with error:
                if error.code in _FINAL and error.code not in (408, 416, 429):
                    raise DataError(_refused(url, error)) from error
                if error.code == 416:
                    part.path.unlink(missing_ok=True)
            cause = error
        except _CUT as error:
            cause = error
        idle = 0 if part.size > before else idle + 1
        if idle > len(WAIT_SECONDS):
            raise DataError(_unreachable(url, part, cause)) from cause
        if idle:
            sleep(WAIT_SECONDS[idle - 1])


def _attempt(url: str, part: Unfinished, most: int, timeout: float) -> bool:
    """Fetch what is missing; whether the file is complete now."""
    have, version = part.size, part.version
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
        with part.path.open("ab" if continued else "wb") as out:
            written = start
            while block := answer.read(BLOCK):
                written += len(block)
                if written > most:
                    raise DataError(f"{url}: has more than {most} bytes.")
                out.write(block)
        return total is None or written == total


def _begins_at(answer: Any, start: int) -> bool:
    return str(answer.headers.get("Content-Range", "")).startswith(f"bytes {start}-")


def _remember(part: Unfinished, answer: Any) -> None:
    tag = answer.headers.get("ETag", "")
    # A weak tag names a meaning, not bytes, so it cannot continue a file.
    version = tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")
    part.begin(version)


def _refused(url: str, error: urllib.error.HTTPError) -> str:
    return f"{url}: the server answered {error.code} {error.reason}. Check the address, and whether it needs a login."


def _unreachable(url: str, part: Unfinished, cause: Exception) -> str:
    kept = f" {part.size} bytes are kept in {part.path}; the same command goes on there." if part.size else ""
    return (
        f"{url}: cannot be fetched ({cause}).{kept} Without a network, fetch it elsewhere, for example with "
        f"`curl -LO {url}`, copy it here, and give its path instead of the address."
    )
