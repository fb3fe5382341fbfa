"""Randomness as a pure function of a key.

Every draw is a hash of (key of the sample, purpose, counter), so the same sample gets the same crop,
transform and mask on any number of ranks and workers and after any resume. The mixing function is
splitmix64 (Steele, Lea & Flood 2014).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def key_of(*parts: int | str) -> int:
    """Return a 64-bit key of a tuple of numbers and words; equal on every machine and Python version."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


class Draws:
    """Uniform numbers for the samples of a batch, one independent stream per sample and purpose."""

    def __init__(self, keys: Iterable[int], step: int = 0, device: torch.device | str = "cpu") -> None:
        """keys: one 64-bit number per sample, e.g. key_of(seed, epoch, position). step: see `Draw`.

        device: where the numbers are wanted; they are the same everywhere.
        """
        self.keys, self.step, self.device = np.asarray(list(keys), dtype=np.uint64), step, torch.device(device)

    def __call__(self, purpose: str, n: int) -> Tensor:
        """Return float64 [B, n], uniform in [0, 1)."""
        return torch.from_numpy(self.array(purpose, n)).to(self.device)

    def array(self, purpose: str, n: int) -> np.ndarray:
        """Return the same numbers as a NumPy array [B, n]."""
        with np.errstate(over="ignore"):
            start = _mix(self.keys ^ np.uint64(key_of(purpose)))
            counter = np.arange(1, n + 1, dtype=np.uint64) * _GOLDEN
            bits = _mix(start[:, None] + counter[None, :])
        uniform: np.ndarray = np.multiply(bits >> np.uint64(11), 2.0**-53, dtype=np.float64)
        return uniform

    def child(self, *parts: int | str) -> Draws:
        """Return streams that are independent of these, e.g. one child per view."""
        return Draws(_mix(self.keys ^ np.uint64(key_of("child", *parts))), self.step, self.device)

    def rows(self, index: slice) -> Draws:
        """Return the streams of some of the samples."""
        return Draws(self.keys[index], self.step, self.device)


def permutation(uniform: Tensor) -> Tensor:
    """Turn uniform numbers [..., n] into one permutation per row, int64 [..., n]."""
    return torch.argsort(uniform, dim=-1, stable=True)


def _mix(bits: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: np.ndarray = bits ^ (bits >> np.uint64(31))
    return mixed
