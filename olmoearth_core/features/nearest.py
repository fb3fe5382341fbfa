"""Exact nearest neighbours by cosine among many references, in little memory.

On a CPU most pairs are ruled out by a bound on their cosine that costs a fraction of it: by the directions in which
features are largest (`prune_leading.py`) where few of them carry most, else in 8 bits (`prune_int8.py`) where the
processor can. Whatever a bound cannot rule out is computed in float32, so the answer is that of a full search; where
little can be ruled out, a full search is what happens.
"""

# N queries, M references, D width, S references of a block, Q queries of a chunk
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import normalize

from olmoearth_core.features import prune_int8, prune_leading
from olmoearth_core.features.pairs import QUERIES, Pruner
from olmoearth_core.features.prune_int8 import PANEL

_BLOCK_BYTES = 2**28
_SAMPLE = 4096
_TRIED = 128
_WORTHWHILE = 8192
"""References below which a full search is as fast."""


@dataclass(frozen=True)
class Rows:
    """Some rows of features [..., D] that may be in a file; `at`: their numbers, None = all."""

    features: Tensor
    at: Tensor | None = None

    def __len__(self) -> int:
        return self.features.shape[:-1].numel() if self.at is None else len(self.at)

    def unit(self, start: int, stop: int, dtype: torch.dtype | None = torch.float32) -> Tensor:
        """Return rows start to stop, of length 1 (0 where they are 0); dtype None keeps theirs."""
        rows = self.features.flatten(0, -2)
        part = rows[start:stop] if self.at is None else rows[self.at[start:stop]]
        return normalize(part if dtype is None else part.to(dtype), dim=-1, eps=1e-8)

    def some(self, count: int, offset: float = 0.0) -> Tensor:
        """Return up to `count` rows of length 1, evenly spaced. offset: of the first, in units of the space."""
        step = max(1, len(self) // count)
        chosen = torch.arange(int(offset * step), len(self), step)[:count]
        return Rows(self.features, chosen if self.at is None else self.at[chosen]).unit(0, len(chosen))


def nearest(
    query: Rows, reference: Rows, k: int, *, dtype: torch.dtype | None = torch.float32
) -> tuple[Tensor, Tensor]:
    """Return cosines [N,k], largest first, and the positions [N,k] among the references, int64.

    dtype: of the computation; None keeps that of the features. k must not exceed the number of references.
    Memory besides the answer and whatever N and M are: 256 MB of normalised references (twice that for a moment), a
    quarter of that in 8 bits or a third along directions, and 512 rows of a block: 172 MB at width 768, at most 512 MB.
    """
    assert 0 < k <= len(reference)
    width = query.features.shape[-1]
    size = max(PANEL, min(2**18, _BLOCK_BYTES // (4 * width)) // PANEL * PANEL)
    kind = dtype or query.features.dtype
    best = torch.full((len(query), k), -torch.inf, dtype=kind)
    found = torch.zeros(len(query), k, dtype=torch.int64)
    pruner_of = _pruner(query, reference, k) if kind == torch.float32 else None
    for first in range(0, len(reference), size):
        block_SD = reference.unit(first, first + size, dtype)
        pruner = None if pruner_of is None else pruner_of(block_SD)
        for start in range(0, len(query), QUERIES):
            here = slice(start, start + QUERIES)
            query_QD = query.unit(start, start + QUERIES, dtype)
            pair = None if pruner is None else pruner.search(query_QD, block_SD, best[here, -1])
            near, at = _full(query_QD, block_SD, k) if pair is None else pair
            near, order = torch.cat([best[here], near], 1).topk(k, dim=1)
            best[here], found[here] = near, torch.cat([found[here], at + first], 1).gather(1, order)
    return best, found


def _full(query_QD: Tensor, block_SD: Tensor, k: int) -> tuple[Tensor, Tensor]:
    near, at = (query_QD @ block_SD.mT).topk(min(k, len(block_SD)), dim=1)
    return near, at


def _pruner(query: Rows, reference: Rows, k: int) -> Callable[[Tensor], Pruner | None] | None:
    """Return what makes a pruner of a block, the cheaper one; None if a full search is cheaper than any."""
    if len(query) < QUERIES or len(reference) < _WORTHWHILE:
        return None
    learnt, tried = reference.some(_SAMPLE), reference.some(_SAMPLE, offset=0.5)
    share = k / len(reference)
    if (directions := prune_leading.directions(learnt, tried, query.some(_TRIED), share)) is not None:
        return partial(prune_leading.Leading.of, directions_Dd=directions, k=k)
    if prune_int8.available(query.features.shape[-1]):
        # Any center gives the same answers.
        return partial(prune_int8.Int8.of, center=learnt.mean(0), k=k)
    return None
