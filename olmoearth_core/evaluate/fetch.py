"""Fetch the published files of a benchmark into one folder: goes on where it was cut off, checks hashes, writes a list.

The list, `fetched.json`, holds address, size and SHA-256 of every file. Where the publisher names no hash, the one of
the first time is what later calls check against.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from olmoearth_core.care.archive import extract, is_archive
from olmoearth_core.care.download import download
from olmoearth_core.care.remote_copy import copy, size_of
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.evaluation import About, Download

LIST = "fetched.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,200}")
_WEB = ("http", "https")
_MARGIN = 2**26
_BLOCK = 2**20


def fetch(
    name: str,
    about: About,
    folder: Path,
    *,
    unpack: bool = False,
    sleep: Callable[[float], None] = time.sleep,
    free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
) -> Iterator[str]:
    """Fetch what `about.downloads` names into `folder`; yield one line per finished file.

    unpack: archives become folders of their names, once nothing in them is hostile; see `olmoearth_core.care.archive`.
    sleep: waits between attempts. free: bytes that may still be written below a folder.

    Raises:
        DataError: nothing is published, the disk is too small, no network, or a file is not what was promised.
    """
    files = _files(name, about)
    folder.mkdir(parents=True, exist_ok=True)
    known = _listed(folder)
    _check_space(folder, files, free)
    for target, wanted in files.items():
        path = folder / target
        noted = known.get(target, {}).get("sha256") if known.get(target, {}).get("url") == wanted.url else None
        fresh = not path.exists()
        _get(wanted, path, wanted.sha256 or noted, sleep)
        size = path.stat().st_size
        found = {"url": wanted.url, "size": size, "sha256": wanted.sha256 or noted or _sha256(path)}
        if wanted.size and wanted.size != size:
            raise DataError(
                f"{path}: has {size} bytes, expected {wanted.size} of {wanted.url}. Remove it and try again."
            )
        known[target] = found
        _write(folder / LIST, known)
        yield f"{'fetched' if fresh else 'there':<10}{path}  {size / 1e6:.1f} MB"
        if unpack and is_archive(path):
            yield _unpacked(path)


def _files(name: str, about: About) -> dict[str, Download]:
    if not about.downloads:
        where = f" See {about.homepage}." if about.homepage else ""
        raise DataError(
            f"{name}: nobody publishes its data at an address that can be fetched.{where} What its folder must hold: "
            f"{about.layout or 'see its documentation'}."
        )
    files: dict[str, Download] = {}
    for wanted in about.downloads:
        last = urllib.parse.unquote(urllib.parse.urlsplit(wanted.url).path.rsplit("/", 1)[-1])
        if not _NAME.fullmatch(last) or last == LIST or last.casefold() in (known.casefold() for known in files):
            raise DataError(f"{name}: {wanted.url} ends in no name of its own that a file can have. Fetch it by hand.")
        files[last] = wanted
    return files


def _check_space(folder: Path, files: dict[str, Download], free: Callable[[Path], int]) -> None:
    missing = {name: wanted for name, wanted in files.items() if not (folder / name).exists()}
    if not missing:
        return
    begun = sum(part.stat().st_size for name in missing if (part := folder / f".{name}.part").exists())
    needed = sum(wanted.size or _ask_size(wanted.url) for wanted in missing.values()) - begun + _MARGIN
    if needed > (there := free(folder)):
        raise DataError(
            f"{folder}: {there / 1e9:.2f} GB are free, but {len(missing)} files need {needed / 1e9:.2f} GB. Make room, "
            "or name a folder on another disk."
        )


def _ask_size(url: str) -> int:
    """Return the size of a file; 0 where nobody says."""
    if urllib.parse.urlsplit(url).scheme not in _WEB:
        return size_of(url)
    request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "olmoearth"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            length = answer.headers.get("Content-Length", "")
    except OSError:
        return 0
    return int(length) if length.isdigit() else 0


def _get(wanted: Download, path: Path, sha256: str | None, sleep: Callable[[float], None]) -> None:
    if urllib.parse.urlsplit(wanted.url).scheme in _WEB:
        download(wanted.url, path, sha256=sha256, sleep=sleep)
    else:
        copy(wanted.url, path, sha256=sha256, sleep=sleep)


def _unpacked(path: Path) -> str:
    folder = path.with_name(re.sub(r"(\.tar)?\.(tar|gz|tgz|bz2|xz|zip)$", "", path.name, flags=re.IGNORECASE))
    if not folder.exists():
        extract(path, folder)
    return f"{'unpacked':<10}{folder}"


def _listed(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / LIST
    if not path.exists():
        return {}
    try:
        files = json.loads(path.read_text("utf-8"))["files"]
        return {str(name): dict(facts) for name, facts in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as cause:
        raise DataError(
            f"{path}: is no list of fetched files ({cause}). Remove it; it will be written again."
        ) from cause


def _write(path: Path, files: dict[str, dict[str, Any]]) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps({"files": files}, indent=1, sort_keys=True) + "\n", "utf-8")
    os.replace(part, path)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(_BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()
