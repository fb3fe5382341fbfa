"""One file from a server to its place: resumed where it broke off, and there only when it is whole.

Bytes go to a hidden file beside the place; what is known of them (address, the server's tag) lies in a note beside, so
that a killed process's part is continued only if the server still has the same file. Size and declared checksum are
tested before the file gets its name, and a second note keeps both for later runs.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from olmoearth_core.convert.whole_file import write_text
from olmoearth_core.errors import DataError
from olmoearth_core.ingest.unreachable import Unreachable
from olmoearth_stac.access import Access
from olmoearth_stac.multihash import Checksum, declared, digests
from olmoearth_stac.secrecy import plain
from olmoearth_stac.web import Again, pieces

_GONE = (404, 410)
_LARGEST = 2**36
"""Bytes of one file: 64 GiB, several times the largest product."""
_SPARE = 2**28
"""Bytes that are left free on the disk."""


@dataclass(frozen=True)
class Asset:
    """A file that an item names. size: in bytes, None = not declared."""

    href: str
    size: int | None
    checksum: Checksum | None

    @staticmethod
    def of(values: Mapping[str, Any], alternate: str = "") -> Asset:
        """Read an asset of an item. alternate: which of its other addresses is meant, where it has it.

        Raises:
            DataError: it has no address.
        """
        others = values.get("alternate")
        other = others.get(alternate) if isinstance(others, dict) else None
        href = other.get("href") if isinstance(other, dict) else values.get("href")
        if not isinstance(href, str):
            raise DataError("an asset without an address (href); report it to the catalogue.")
        size = values.get("file:size")
        return Asset(href, size if isinstance(size, int) and size > 0 else None, declared(values))


def fetched(asset: Asset, place: Path, access: Access) -> bool:
    """Bring a file to its place unless it is there; False if its provider no longer has it.

    Raises:
        Unreachable: it cannot be had now; says why and what to do. DataError: its address cannot be used.
    """
    note = _note(place)
    if (known := _known(place, note, asset)) is not None:
        return known
    try:
        with _alone(place):
            if (known := _known(place, note, asset)) is not None:
                return known
            return access.web.tried(asset.href, lambda: _once(asset, place, access))
    except OSError as error:
        full = " The disk is full: free some space, or set a bound with --cache-limit-gb." if _is_full(error) else ""
        raise Unreachable(f"{place}: cannot be written ({error.strerror}).{full}") from error


def _known(place: Path, note: Path, asset: Asset) -> bool | None:
    said = _read(note)
    if said.get("href") != plain(asset.href):
        return None
    if said.get("gone"):
        return False
    try:
        return True if place.stat().st_size == said.get("size") else None
    except FileNotFoundError:
        return None


def _once(asset: Asset, place: Path, access: Access) -> bool:
    part = place.with_name(f".{place.name}.part")
    state = place.with_name(f".{place.name}.part.json")
    start, tag = _start(asset, part, _read(state))
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-"} | ({"If-Range": tag} if tag else {})
    ticket = access.ticket(asset.href, headers)
    with access.web.send("GET", ticket.url, headers=ticket.headers) as answer:
        if answer.status_code in _GONE:
            write_text(_note(place), _text({"href": plain(asset.href), "gone": answer.status_code}))
            return False
        start = _accepted(answer, asset, access, start, part)
        total = _total(answer, asset, start)
        tag = answer.headers.get("ETag", "")
        write_text(state, _text({"href": plain(asset.href), "etag": "" if tag.startswith("W/") else tag}))
        _room(place, total, start)
        with part.open("ab" if start else "wb") as file:
            for piece in pieces(answer):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
    return _finished(asset, place, part, state, total)


def _start(asset: Asset, part: Path, said: Mapping[str, Any]) -> tuple[int, str]:
    """Return from which byte to go on, and the tag that the rest must have."""
    tag = str(said.get("etag", ""))
    # Without a tag or a checksum nobody would notice that two halves are of two files.
    if said.get("href") != plain(asset.href) or not (tag or asset.checksum) or not part.exists():
        return 0, ""
    return part.stat().st_size, tag


def _accepted(answer: requests.Response, asset: Asset, access: Access, start: int, part: Path) -> int:
    """Return the byte at which the body begins; raise for answers without one."""
    status = answer.status_code
    if status == 206:
        begun = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
        if begun and int(begun[1]) == start:
            return start
        raise Again("the server sent other bytes than those asked for")
    if status == 200:
        return 0
    if status == 416:
        part.unlink(missing_ok=True)
        raise Again("the server has fewer bytes than were there before")
    if status in (401, 403) and access.forget(asset.href):
        raise Again(f"HTTP {status}: the token was refused")
    hint = "Are the keys of this catalogue set in the environment, and not expired? " if status in (401, 403) else ""
    raise Unreachable(f"{plain(asset.href)}: HTTP {status}. {hint}See the README of olmoearth-stac.")


def _total(answer: requests.Response, asset: Asset, start: int) -> int | None:
    """Return how many bytes the whole file has, as the server says."""
    length = answer.headers.get("Content-Length", "")
    total = start + int(length) if length.isdigit() and not answer.headers.get("Content-Encoding") else None
    if total is not None and asset.size is not None and total != asset.size:
        raise Again(f"the server has {total:,} bytes, the item declares {asset.size:,} bytes")
    expected = total if total is not None else asset.size
    if expected is not None and expected > _LARGEST:
        raise DataError(f"{plain(asset.href)}: {expected:,} bytes, at most {_LARGEST >> 30} GiB are fetched.")
    return expected


def _room(place: Path, total: int | None, start: int) -> None:
    if total is not None and shutil.disk_usage(place.parent).free < total - start + _SPARE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _finished(asset: Asset, place: Path, part: Path, state: Path, total: int | None) -> bool:
    size = part.stat().st_size
    if total is not None and size < total:
        raise Again(f"the answer broke off after {size:,} of {total:,} bytes")
    if total is not None and size > total:
        part.unlink()
        raise Again(f"{size:,} bytes came, {total:,} bytes were announced")
    sums = digests(part, {"sha256", asset.checksum.kind} if asset.checksum else {"sha256"})
    if asset.checksum and sums[asset.checksum.kind] != asset.checksum.digest:
        part.unlink()
        raise Again(f"the {asset.checksum.kind} checksum of what came is not the one that the item declares")
    place.unlink(missing_ok=True)
    write_text(_note(place), _text({"href": plain(asset.href), "size": size, "sha256": sums["sha256"]}))
    os.replace(part, place)
    state.unlink(missing_ok=True)
    return True


def _note(place: Path) -> Path:
    return place.with_name(f".{place.name}.json")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True) + "\n"


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """One process at a time fetches a file; the others wait and find it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f".{place.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
