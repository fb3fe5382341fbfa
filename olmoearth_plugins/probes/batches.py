"""Batches by index from features that may be a file mapped into memory: rows are gathered into buffers used again."""

# N samples
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from olmoearth_plugins.probes.problem import Problem


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
        """Set two buffers aside: one to gather into, one of the type and device that is computed with."""
        self.features = features
        shape = (min(most, len(features)), *features.shape[1:])
        self.gathered = torch.empty(shape, dtype=features.dtype, pin_memory=device.startswith("cuda"))
        same = self.gathered.dtype == dtype and device == "cpu"
        self.ready = self.gathered if same else torch.empty(shape, dtype=dtype, device=device)

    def take(self, rows: Tensor) -> Tensor:
        """Return [rows, ...]."""
        gathered, ready = self.gathered[: len(rows)], self.ready[: len(rows)]
        torch.index_select(self.features, 0, rows, out=gathered)
        return ready if ready is gathered else ready.copy_(gathered)


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
