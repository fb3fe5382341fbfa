"""Files of prepared benchmarks: whole or not there, wherever they lie, and never held in memory as a whole."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import numpy as np
import torch
from torch import Tensor


def exists(url: str) -> bool:
    """Whether there is such a file; since files appear whole, it then is whole."""
    filesystem, path = fsspec.core.url_to_fs(url)
    return bool(filesystem.exists(path))


def write(url: str, fill: Callable[[str], None]) -> None:
    """Make a file with `fill(local path)` and put it in its place by renaming."""
    filesystem, path = fsspec.core.url_to_fs(url)
    with tempfile.TemporaryDirectory(prefix="olmoearth-") as folder:
        made = os.path.join(folder, "made")
        fill(made)
        filesystem.makedirs(os.path.dirname(path), exist_ok=True)
        part = f"{path}.{uuid4().hex[:8]}.part"
        filesystem.put_file(made, part)
        filesystem.mv(part, path)


def write_tensors(url: str, value: Any) -> None:
    """Write tensors; a view of a larger one is written as itself alone."""
    write(url, lambda path: torch.save(value, path))


def write_bytes(url: str, content: bytes) -> None:
    """Write a small file."""

    def fill(path: str) -> None:
        Path(path).write_bytes(content)

    write(url, fill)


def write_json(url: str, value: Any) -> None:
    """Write a small table."""
    write_bytes(url, json.dumps(value, indent=1).encode())


class Stack:
    """Arrays of one shape and type that are collected on disk, then written as one tensor.

    Use as a context; the folder of the collection is removed at its end.
    """

    def __init__(self, shape: tuple[int, ...], dtype: str) -> None:
        """shape: of one array. dtype: numpy's name."""
        self.shape, self.dtype, self.count = shape, np.dtype(dtype), 0
        self._folder = tempfile.TemporaryDirectory(prefix="olmoearth-")
        self._path = os.path.join(self._folder.name, "stack")
        self._stream = open(self._path, "wb")  # noqa: SIM115  closed in __exit__

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._folder.cleanup()

    def add(self, array: np.ndarray) -> None:
        """Append one array."""
        assert array.shape == self.shape
        self._stream.write(np.ascontiguousarray(array, dtype=self.dtype).data)
        self.count += 1

    def tensor(self) -> Tensor:
        """Return all of them, [N, *shape], mapped into memory; valid inside the context."""
        self._stream.flush()
        kind = torch.from_numpy(np.zeros(0, self.dtype)).dtype
        size = self.count * math.prod(self.shape)
        if not size:
            return torch.empty((0, *self.shape), dtype=kind)
        return torch.from_file(self._path, shared=False, size=size, dtype=kind).reshape(self.count, *self.shape)
