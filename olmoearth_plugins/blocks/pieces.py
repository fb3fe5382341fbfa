"""How much of a batch of images is worked on at a time.

Without gradients nothing of an enlarged image has to be kept, so it is made, used and dropped piece by piece: on a
CPU small enough to stay in its cache, elsewhere large enough to keep the device busy.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt

import torch

ENOUGH = 384
"""Rows from which on a CPU multiplies matrices at full speed."""
Piece = tuple[slice, slice, slice]
"""Samples, rows and columns of patches."""


def at_once(device: torch.device, each: int) -> int:
    """Return how many tokens to work on at a time.

    each: float32 numbers that the largest intermediate result holds per token.
    """
    if device.type == "cpu":
        return max(1, min(ENOUGH, 2**20 // each))
    return max(1, 2**26 // each)


def pieces(samples: int, rows: int, columns: int, patches: int) -> Iterator[Piece]:
    """Cut a batch into pieces of about `patches` patches (at least one): whole samples, or blocks within a sample."""
    patches = max(1, patches)
    if rows * columns <= patches:
        step = patches // (rows * columns)
        for first in range(0, samples, step):
            yield slice(first, min(first + step, samples)), slice(0, rows), slice(0, columns)
        return
    wide = min(columns, max(1, isqrt(patches)))
    high = min(rows, patches // wide)
    for sample in range(samples):
        for top in range(0, rows, high):
            for left in range(0, columns, wide):
                yield (
                    slice(sample, sample + 1),
                    slice(top, min(top + high, rows)),
                    slice(left, min(left + wide, columns)),
                )


def strips(samples: int, rows: int, along: int, tokens: int) -> Iterator[tuple[slice, slice]]:
    """Cut a batch into strips of about `tokens` tokens: whole samples, or whole rows of patches of one sample.

    along: tokens along a row.
    """
    if rows * along <= tokens:
        step = tokens // (rows * along)
        for first in range(0, samples, step):
            yield slice(first, min(first + step, samples)), slice(0, rows)
        return
    high = max(1, tokens // along)
    for sample in range(samples):
        for top in range(0, rows, high):
            yield slice(sample, sample + 1), slice(top, min(top + high, rows))
