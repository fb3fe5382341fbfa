"""Where a fine-tuning stands, in a folder: `last.pt` after each epoch, `best.pt` when it is done.

Only tensors and plain values are written, and only those are read: `weights_only=True`.
"""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any
from uuid import uuid4

import fsspec
import torch

from olmoearth_core.errors import DataError
from olmoearth_core.uri import resolve

LAST = (
    "epoch", "model_state", "optimizer_state", "scheduler_state", "best_state", "best_val_metric", "best_epoch",
    "backbone_unfrozen", "generator_state",
)  # fmt: skip
VERSION = "1"
"""Part of a folder's name; to be raised when training changes, so that what was learnt before is learnt again."""
BEST = ("model_state", "best_val_metric", "best_epoch")
_BROKEN = (RuntimeError, ValueError, EOFError, KeyError, AttributeError, IndexError, TypeError)


@dataclass(frozen=True)
class Folder:
    """The files of one fine-tuning. url: a path or fsspec URL; None keeps nothing."""

    url: str | None = None

    def best(self) -> dict[str, Any] | None:
        """Return what was learnt, None where it is not done."""
        return self._read("best.pt", BEST)

    def last(self) -> dict[str, Any] | None:
        """Return where it stands, None where it has not begun."""
        return self._read("last.pt", LAST)

    def keep(self, state: Mapping[str, Any]) -> None:
        """Write where it stands."""
        self._write("last.pt", state)

    def finish(self, state: Mapping[str, Any]) -> None:
        """Write what was learnt; where it stands is needed no more."""
        self._write("best.pt", state)
        if self.url is not None:
            files, path = _place(f"{self.url}/last.pt")
            if files.exists(path):
                files.rm(path)

    def _read(self, name: str, keys: tuple[str, ...]) -> dict[str, Any] | None:
        if self.url is None:
            return None
        files, path = _place(f"{self.url}/{name}")
        try:
            if not files.exists(path):
                return None
            with files.open(path, "rb") as stream:
                return _parsed(stream, f"{self.url}/{name}", keys)
        except OSError as cause:
            raise DataError(f"{self.url}/{name}: cannot be read ({cause}). Check the folder save_dir.") from cause

    def _write(self, name: str, state: Mapping[str, Any]) -> None:
        if self.url is None:
            return
        files, path = _place(f"{self.url}/{name}")
        part = f"{path}.{uuid4().hex[:8]}.part"
        try:
            files.makedirs(os.path.dirname(path), exist_ok=True)
            with files.open(part, "wb") as stream:
                torch.save(dict(state), stream)
            files.mv(part, path)
        except (OSError, RuntimeError) as cause:
            _forget(files, part)
            raise DataError(
                f"{self.url}/{name}: cannot be written ({cause}). Make room there, or name another save_dir."
            ) from cause


def _place(url: str) -> tuple[Any, str]:
    files, path = fsspec.core.url_to_fs(resolve(url))
    return files, path


def _forget(files: Any, part: str) -> None:
    with suppress(OSError):
        files.rm(part)


def _parsed(stream: IO[bytes], where: str, keys: tuple[str, ...]) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # on the pickle protocol of a file that is then refused
            found = torch.load(stream, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, OSError, *_BROKEN) as cause:
        raise damaged(where, " ".join(str(cause).split())[:120]) from cause
    if not isinstance(found, dict) or set(found) != set(keys):
        shown = sorted(map(str, found))[:12] if isinstance(found, dict) else type(found).__name__
        raise damaged(where, f"found {shown}, expected {', '.join(keys)}")
    return found


def damaged(where: str, why: str) -> DataError:
    """Return the error that names a file which cannot be used."""
    return DataError(f"{where}: not the state of a fine-tuning, or damaged ({why}). Delete it to start again.")
