"""Does a reader answer damage with values or an error that names the file? For tests of anybody's reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader

_SIDE = 200
"""Pixels that are read: damaged headers may declare any number."""


def faults(
    reader: Reader, path: Path, victim: Path, spec: ModalitySpec, *, seed: int, times: int = 24
) -> list[str]:  # fmt: skip
    """Damage a file `times` times and return the messages; AssertionError if one does not name the product's folder.

    path: what the reader is given. victim: the file that is damaged, and whole again at the end.
    """
    content, said = victim.read_bytes(), []
    for broken in _damaged(content, seed, times):
        victim.write_bytes(broken)
        if message := outcome(reader, path, spec):
            assert str(path.parent) in message, message
            said.append(message)
    victim.write_bytes(content)
    assert outcome(reader, path, spec) == "", "the whole file must be read"
    return said


def outcome(reader: Reader, path: Path, spec: ModalitySpec) -> str:
    """Recognise and read a product; return "" for values, or the message of a `DataError`. Nothing else is caught."""
    reader.recognises(str(path))
    try:
        _ = reader.read(str(path), spec)[..., :_SIDE, :_SIDE].values
        mask = reader.clear(str(path), spec)
        _ = None if mask is None else mask[..., :_SIDE, :_SIDE].values
    except DataError as error:
        return str(error)
    return ""


def _damaged(content: bytes, seed: int, times: int) -> Iterator[bytes]:
    """Yield copies with three bytes changed, and cut ones."""
    rng = np.random.default_rng(seed)
    for number in range(times):
        broken = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            broken[place] = int(rng.integers(256))
        yield bytes(broken[: len(content) if number % 4 else int(rng.integers(len(content)))])
