"""Fetch a model from a folder behind a URL, so that every format can open it as a folder of this machine.

A copy is keyed by the URL and by the size and time of every file, so a changed original is fetched again. The small
files come first: what no format knows, and weights that nobody asked for, stay where they are. Of a training run the
last complete step is fetched. Files are written under another name and renamed: any number of processes may fetch.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec

from olmoearth_core.data import cache
from olmoearth_core.errors import CheckpointError, OlmoEarthError
from olmoearth_core.models import formats
from olmoearth_core.models.card import ModelCard
from olmoearth_core.train import checkpoint

log = logging.getLogger(__name__)
_SMALL = 4 << 20
"""Bytes up to which a file is fetched to find out what the folder is."""
_MOST = 2000
"""Files that a model's folder may have; more is something else, such as a whole bucket."""
_DEEP = 4


@dataclass(frozen=True)
class _File:
    """A file of the folder: where it is, its size in bytes (None = not told), and what changes when it does."""

    path: str
    size: int | None
    state: str

    @property
    def small(self) -> bool:
        return self.size is not None and self.size <= _SMALL


def fetch(url: str, *, load_weights: bool) -> Path:
    """Return the local copy of a folder.

    Raises:
        CheckpointError: the protocol is not known or its package not installed, the folder is not there, cannot be
            reached, or is in no format that is known.
    """
    url = url.rstrip("/")
    with _reached(url):
        filesystem, root = fsspec.core.url_to_fs(url)
        files = _listed(filesystem, root, url)
        folder = _place(url, files)
        _copy(filesystem, folder, {name: file for name, file in files.items() if file.small})
        _recognised(url, folder, files)
        if load_weights:
            last = checkpoint.find_latest(folder)
            _copy(filesystem, folder, {name: file for name, file in files.items() if _needed(name, last)})
    return folder


def origin(card: ModelCard, folder: Path, url: str) -> ModelCard:
    """Return a card that names the URL where it named the local copy."""
    here, there = str(folder.absolute()), url.rstrip("/")
    return replace(card, source=card.source.replace(here, there), licence=card.licence.replace(here, there))


def _needed(name: str, last: Path | None) -> bool:
    """Whether a file belongs to the last complete step of a run, or to no step."""
    top, below, _ = name.partition("/")
    return not (below and checkpoint.is_step(top)) or (last is not None and top == last.name)


def _listed(filesystem: Any, root: str, url: str) -> dict[str, _File]:
    """Return the files by their path below the folder."""
    found = _probed(filesystem, root) if url.startswith(("http://", "https://")) else _below(filesystem, root, url)
    if not found:
        raise CheckpointError(f"{url}: found no such folder, or nothing in it. Check the URL.")
    if len(found) > _MOST:
        raise CheckpointError(f"{url}: found over {_MOST} files, expected the folder of one model. Name that folder.")
    return {name: _File(info["name"], info.get("size"), cache.state_of(info)) for name, info in found.items()}


def _below(filesystem: Any, root: str, url: str) -> dict[str, Mapping[str, Any]]:
    if filesystem.isfile(root):
        raise CheckpointError(f"{url}: found a file, expected the folder it lies in: {url.rpartition('/')[0]}")
    top = f"{root.rstrip('/')}/"
    paths = filesystem.find(root, maxdepth=_DEEP, detail=True)
    found = {path.removeprefix(top): info for path, info in paths.items() if not path.endswith("/")}
    for name in found:
        # Names of objects are free text; one that climbs would be written outside the cache.
        if ".." in PurePosixPath(name).parts or name.startswith("/"):
            raise CheckpointError(f"{url}: found a file named {name}, expected names below the folder.")
    return found


def _probed(filesystem: Any, root: str) -> dict[str, Mapping[str, Any]]:
    """Ask a web server, which lists no folders, for the files that formats know by name."""
    found: dict[str, Mapping[str, Any]] = {}
    refused = None
    for name in formats.files():
        try:
            found[name] = {**filesystem.info(f"{root}/{name}"), "name": f"{root}/{name}"}
        except FileNotFoundError as error:
            refused = error
    if not found:
        cause = getattr(refused, "__cause__", None) or "not found"
        raise CheckpointError(
            f"{root}: sought {', '.join(formats.files())} and got none of them ({cause}). A web server lists no "
            "folders, so only formats with fixed names of files can be opened from it. Check the URL, or copy the "
            "folder here and pass its path."
        )
    return found


def _place(url: str, files: Mapping[str, _File]) -> Path:
    states = "".join(f"\n{name}\n{files[name].state}" for name in sorted(files))
    key = hashlib.sha256(f"{url}{states}".encode()).hexdigest()
    return Path.home() / ".cache" / "olmoearth" / "models" / key[:32] / (url.rpartition("/")[2] or "model")


def _copy(filesystem: Any, folder: Path, files: Mapping[str, _File]) -> None:
    for name, file in files.items():
        place = folder / name
        if not place.exists():
            log.info("fetching %s to %s", file.path, place)
            cache.fetch(filesystem, file.path, place)


def _recognised(url: str, folder: Path, names: Sequence[str] | Mapping[str, _File]) -> None:
    """Ask the formats before the large files are fetched: of a folder in which those are empty.

    Raises:
        CheckpointError: no format knows it.
    """
    with tempfile.TemporaryDirectory() as made:
        for name in names:
            sketch = Path(made) / name
            sketch.parent.mkdir(parents=True, exist_ok=True)
            if (folder / name).is_file():
                shutil.copyfile(folder / name, sketch)
            else:
                sketch.touch()
        formats.recognise(Path(made), shown=url)


@contextmanager
def _reached(url: str) -> Iterator[None]:
    protocol = url.partition("://")[0].rpartition("::")[2]
    if protocol not in fsspec.available_protocols():
        raise CheckpointError(
            f'{url}: found the protocol "{protocol}", which nothing here can open; expected a folder, the name of a '
            "released model, or a URL such as s3://, gs://, https:// or hf://."
        )
    otherwise = "Or copy the folder here and pass its path."
    try:
        yield
    except OlmoEarthError:
        raise
    except ImportError as error:
        raise CheckpointError(
            f'{url}: the protocol "{protocol}" needs a package that is not installed ({error}). Install it. {otherwise}'
        ) from error
    except FileNotFoundError as error:
        raise CheckpointError(f"{url}: found no such folder ({error}). Check the URL.") from error
    # Clients of object stores fail with many unrelated types.
    except Exception as error:
        raise CheckpointError(
            f"{url}: cannot be fetched ({type(error).__name__}: {error}). Check the network, your access and the disk. "
            f"{otherwise}"
        ) from error
