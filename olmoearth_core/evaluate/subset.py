"""A random part of a split: the first entries of a permutation drawn by torch, in ascending order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import torch

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.evaluation import LabelledSample


class Subset(Sequence[LabelledSample]):
    """Some of the samples, read when indexed."""

    def __init__(self, samples: Sequence[LabelledSample], rows: Sequence[int]) -> None:
        """Keep which rows; read nothing."""
        self._samples, self._rows = samples, rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> LabelledSample: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[LabelledSample]: ...
    def __getitem__(self, at: int | slice) -> LabelledSample | Sequence[LabelledSample]:
        if isinstance(at, slice):
            return Subset(self._samples, self._rows[at])
        return self._samples[self._rows[at]]


def subset(samples: Sequence[LabelledSample], most: int, seed: int) -> Sequence[LabelledSample]:
    """Return at most `most` samples, drawn with a seed.

    Raises:
        ConfigError: none is asked for.
    """
    if most < 1:
        raise ConfigError(f"max_train_samples is {most}, but must be at least 1, or null for all.")
    if len(samples) <= most:
        return samples
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed))
    return Subset(samples, sorted(order[:most].tolist()))
