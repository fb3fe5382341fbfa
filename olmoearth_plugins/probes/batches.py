"""Batches by index from features that may be a file mapped into memory: rows are gathered into buffers used again."""

# N samples
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from olmoearth_plugins.probes.problem import Problem

_CACHED = 2**18
"""Values gathered at a time where they are converted."""


@dataclass(frozen=True)
class Part:
    """Some samples of a split: positions into features and labels that are not copied.

    features: float32 [N,D] or [N,h,w,D] or [N,h,w,G,D] on the CPU. labels: of all N samples. rows: int64, ascending.
    """

    features: Tensor
    labels: Tensor
    rows: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, rows: Tensor) -> Part:
        """Return the samples at `rows` of all N."""
        return replace(self, rows=rows)

    def labelled(self, problem: Problem) -> Part:
        """Return the samples that have at least one label."""
        if problem.task_type == "multilabel":
            return self
        known = self.labels.isfinite() if problem.regression else self.labels >= 0
        known = known.flatten(1).any(1) if known.ndim > 1 else known
        return self.at(self.rows[known[self.rows]])


class Feeder:
    """Takes rows of features, at most `most` at a time; what it returns is overwritten by the next call."""

    def __init__(self, features: Tensor, *, most: int, device: str, dtype: torch.dtype = torch.float32) -> None:
        """Set a buffer aside for what is returned, and one to gather into where its type or device differs."""
        self.features = features
        shape = (min(most, len(features)), *features.shape[1:])
        self.ready = torch.empty(shape, dtype=dtype, device=device)
        same = features.dtype == dtype and device == "cpu"
        on_cpu = device == "cpu"
        # Pieces that stay in the cache are converted at half the price of whole batches.
        self.piece = max(1, _CACHED // max(1, features[:1].numel())) if on_cpu else shape[0]
        self.gathered = None if same else torch.empty(
            (min(self.piece, shape[0]), *shape[1:]), dtype=features.dtype, pin_memory=device.startswith("cuda")
        )  # fmt: skip

    def take(self, rows: Tensor) -> Tensor:
        """Return [rows, ...]."""
        ready = self.ready[: len(rows)]
        if self.gathered is None:
            return torch.index_select(self.features, 0, rows, out=ready)
        for some, part in zip(torch.split(rows, self.piece), torch.split(ready, self.piece), strict=True):
            gathered = self.gathered[: len(some)]
            torch.index_select(self.features, 0, some, out=gathered)
            part.copy_(gathered)
        return ready


def shuffled(rows: Tensor, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Yield the rows of one epoch in batches of `size`; a last batch of one joins the batch before it.

    Batch norm cannot be trained on one sample.
    """
    order = rows[torch.randperm(len(rows), generator=generator)]
    cuts = cut(len(rows), size)
    for start, stop in pairwise(cuts):
        yield order[start:stop].sort().values


def cut(count: int, size: int) -> list[int]:
    """Return where batches start and where the last one ends."""
    cuts = [*range(0, count, size), count]
    if len(cuts) > 2 and cuts[-1] - cuts[-2] == 1:
        del cuts[-2]
    return cuts
