"""Features on disk: computed once, found again by what they were computed from.

A chunk's name is the hash of the weights, of how they were used, and of the pixels that went in. Nothing has to be
invalidated, and a run that was killed goes on where it was. Files are written under another name and renamed.
"""

# N samples, D width
from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import torch
from torch import Tensor

from olmoearth_core.data.npy import read_npy
from olmoearth_core.errors import DataError

IN_MEMORY = 2**30
"""Bytes of features of a split above which they are kept in a file that is mapped into memory."""


@dataclass(frozen=True)
class Store:
    """Chunks of features in a folder; None keeps nothing."""

    folder: Path | None = None

    def get(self, key: str) -> np.ndarray | None:
        """Return the float32 features of a key, None where they are not there or not whole."""
        if self.folder is None or not (path := self._path(key)).is_file():
            return None
        try:
            with path.open("rb") as stream:
                found = read_npy(stream)
        except (ValueError, OSError):
            return None
        return found if found.dtype == np.float32 else None

    def put(self, key: str, features: np.ndarray) -> None:
        """Keep features.

        Raises:
            DataError: they cannot be written.
        """
        if self.folder is None:
            return
        path = self._path(key)
        part = path.with_name(f"{path.name}.{uuid4().hex[:8]}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as stream:
                np.save(stream, features, allow_pickle=False)
            part.replace(path)
        except OSError as cause:
            part.unlink(missing_ok=True)
            raise DataError(
                f"{path}: features cannot be kept ({cause}). Free space, name another folder with --cache, or use "
                f"--no-cache."
            ) from cause

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / key[:2] / f"{key}.npy"


def key_of(*parts: str) -> str:
    """Return one name for all that features were computed from."""
    digest = hashlib.blake2b(digest_size=20)
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()


class Table:
    """Features of a whole split, filled row by row: in memory while they are few, else in a temporary file.

    The file has no name any more when it is used, so it goes with the process, however that ends.
    """

    def __init__(self, rows: int, *, most: int = IN_MEMORY, folder: Path | None = None) -> None:
        """Allocate nothing before the width is known."""
        self._rows, self._most, self._folder = rows, most, folder
        self._array: np.ndarray | None = None

    def fill(self, start: int, part: np.ndarray) -> None:
        """Put the features of samples start, start + 1, ... in their place.

        Raises:
            DataError: their grid is not that of the samples before.
        """
        if self._array is None:
            self._array = self._allocate((self._rows, *part.shape[1:]))
        if part.shape[1:] != self._array.shape[1:]:
            raise DataError(
                f"Samples of one task must have one patch grid, but sample {start} has {part.shape[1:]} and those "
                f"before {self._array.shape[1:]}."
            )
        self._array[start : start + len(part)] = part

    def tensor(self) -> Tensor:
        """Return all rows, float32.

        Raises:
            DataError: there are none.
        """
        if self._array is None:
            raise DataError("There are no samples to embed. Check the benchmark's data folder and filters.")
        return torch.from_numpy(self._array)

    def _allocate(self, shape: tuple[int, ...]) -> np.ndarray:
        if int(np.prod(shape, dtype=np.int64)) * 4 <= self._most:
            return np.empty(shape, np.float32)
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        size = int(np.prod(shape, dtype=np.int64)) * 4
        try:
            with tempfile.TemporaryFile(dir=self._folder) as file:
                # Reserved first: a sparse file on a full disk kills the process when it is written to.
                os.posix_fallocate(file.fileno(), 0, size)
                mapped: np.ndarray = np.memmap(file, np.float32, mode="r+", shape=shape)
        except OSError as cause:
            raise DataError(
                f"{size / 1e9:.1f} GB of features find no place in {self._folder or tempfile.gettempdir()} ({cause}). "
                f"Free space there, or name another folder with --cache."
            ) from cause
        return mapped
