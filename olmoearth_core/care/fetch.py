"""Fetch a data set: the public pretraining set, or whatever lies at an address; archives are unpacked with distrust.

What was fetched before is not fetched again, and what was cut off goes on. The public set is on the Hugging Face hub;
its client checks every file against the hash that the hub names.
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from olmoearth_core.care.archive import extract, is_archive
from olmoearth_core.care.download import download
from olmoearth_core.care.hub import listing, snapshot
from olmoearth_core.errors import DataError

PUBLIC = "allenai/olmoearth_pretrain_dataset"
"""Dataset repository on the hub, CC-BY-4.0: tables and archives of the GeoTIFF tile store."""
_SMALL = re.compile(r"(?i)(?<![a-z0-9])(1k|1000|subset|mini|small|samples?)(?![a-z0-9])")


@dataclass(frozen=True)
class Fetched:
    """What is there now. files: what was fetched; unpacked: folders made of archives."""

    folder: Path
    files: tuple[Path, ...]
    unpacked: tuple[Path, ...]


def fetch(what: str, out: Path, *, sha256: str | None = None, keep: bool = False, unpack: bool = True) -> Fetched:
    """Fetch `what` into the folder `out`.

    what: "full" or "subset" of the public set, an http(s) address, or the path of an archive on this machine.
    sha256: of the one file at an address. keep: leave archives where they are after unpacking. unpack: archives become
    folders of their name.

    Raises:
        DataError: no network, a refused or torn or hostile file, or a hub without such a subset; each says what to do.
    """
    out.mkdir(parents=True, exist_ok=True)
    if what in ("full", "subset"):
        if sha256 is not None:
            raise DataError("fetch: --sha256 is for one file; the hub's client checks the files of the public set.")
        files = _from_hub(what, out)
    elif "://" in what:
        files = _from_web(what, out, sha256)
    else:
        files = [_local(Path(what), sha256)]
    folders = []
    for file in files if unpack else ():
        if is_archive(file) or _folder(file, out).exists():
            folders.append(_unpacked(file, out, keep=keep or ("://" not in what and what not in ("full", "subset"))))
    return Fetched(out, tuple(files), tuple(folders))


def _from_web(url: str, out: Path, sha256: str | None) -> list[Path]:
    name = urllib.parse.unquote(urllib.parse.urlsplit(url).path).rsplit("/", 1)[-1]
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,200}", name):
        raise DataError(
            f"{url}: ends in no file name that can be used ({name!r}). Fetch it by hand, then give its path."
        )
    target = out / name
    if is_archive(target) and _folder(target, out).exists():
        return [target]
    return [download(url, target, sha256=sha256)]


def _local(path: Path, sha256: str | None) -> Path:
    if not path.is_file() or not is_archive(path):
        raise DataError(
            f'{path}: no archive of this name; give "subset", "full", an http(s) address or a .tar or .zip.'
        )
    if sha256 is not None:
        raise DataError("fetch: --sha256 is for addresses; check a local file with sha256sum.")
    return path


def _folder(file: Path, out: Path) -> Path:
    name = re.sub(r"(\.tar)?\.(tar|gz|tgz|bz2|xz|zip)$", "", file.name, flags=re.IGNORECASE)
    return (file.parent if out in file.parents else out) / name


def _unpacked(file: Path, out: Path, *, keep: bool) -> Path:
    folder = _folder(file, out)
    if not folder.exists():
        extract(file, folder)
    if not keep:
        file.unlink(missing_ok=True)
    return folder


def _from_hub(what: str, out: Path) -> list[Path]:
    names = listing(PUBLIC)
    if what == "subset":
        names = [name for name in names if _SMALL.search(name.rsplit(".", 1)[0])]
        if not names:
            raise DataError(
                f"{PUBLIC}: none of its files names itself a subset. See https://huggingface.co/datasets/{PUBLIC} and "
                f"fetch one by its address: olmoearth dataset fetch https://huggingface.co/datasets/{PUBLIC}/resolve/"
                "main/<file> OUT. Or take `full`."
            )
    return snapshot(PUBLIC, names, out)
