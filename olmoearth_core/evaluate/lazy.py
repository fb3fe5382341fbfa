"""Samples that are read when they are indexed: what a benchmark lists before anybody reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import torch

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.evaluation import LabelledSample


@dataclass(frozen=True, eq=False)
class Lazy(Sequence[LabelledSample]):
    """Samples in order. rows: what `read` must know of each: its number (an int, or NumPy's), a name, a place."""

    read: Callable[[Any], LabelledSample]
    rows: Sequence[Any] | np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, at: int) -> LabelledSample: ...
    @overload
    def __getitem__(self, at: slice) -> Lazy: ...
    def __getitem__(self, at: Any) -> Any:
        """Read one sample, or name some of them."""
        row = self.rows[at]
        if isinstance(at, slice):
            return Lazy(self.read, row)
        return self.read(int(row) if isinstance(row, np.integer) else row)


def subset(samples: Sequence[LabelledSample], most: int, seed: int) -> Sequence[LabelledSample]:
    """Return at most `most` samples: the first of a permutation that torch draws with a seed, in ascending order.

    Raises:
        ConfigError: none is asked for.
    """
    if most < 1:
        raise ConfigError(f"max_train_samples is {most}, but must be at least 1, or null for all.")
    if len(samples) <= most:
        return samples
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed))
    return Lazy(samples.__getitem__, sorted(order[:most].tolist()))
