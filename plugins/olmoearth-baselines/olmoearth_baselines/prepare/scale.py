"""The scales of models, as functions of raw values [N,C,H,W] in the model's own band order."""

# N frames, C bands
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.interfaces.modality import ModalitySpec, Statistics

Scale = Callable[[Tensor], Tensor]
"""From raw values to new values of the same shape; the input is left as it was."""


@dataclass(frozen=True)
class Standardize:
    """(x - mean) / std, per band."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, values_NCHW: Tensor) -> Tensor:
        """Return values with mean 0 and deviation 1 on the data behind the table."""
        return (values_NCHW - _channels(self.mean, values_NCHW)) / _channels(self.std, values_NCHW)


@dataclass(frozen=True)
class TwoDeviations:
    """(x - (mean - 2 std)) / (4 std), cut to 0..1, per band."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, values_NCHW: Tensor) -> Tensor:
        """Return values in 0..1."""
        mean, std = _channels(self.mean, values_NCHW), _channels(self.std, values_NCHW)
        return ((values_NCHW - (mean - 2 * std)) / (4 * std)).clamp(0, 1)


@dataclass(frozen=True)
class Range:
    """(x - low) / (high - low), cut to 0..1, per band."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    def __call__(self, values_NCHW: Tensor) -> Tensor:
        """Return values in 0..1."""
        low, high = _channels(self.low, values_NCHW), _channels(self.high, values_NCHW)
        return ((values_NCHW - low) / (high - low)).clamp(0, 1)


@dataclass(frozen=True)
class Chain:
    """One scale after the other."""

    scales: tuple[Scale, ...]

    def __call__(self, values_NCHW: Tensor) -> Tensor:
        """Return the last scale's values."""
        for scale in self.scales:
            values_NCHW = scale(values_NCHW)
        return values_NCHW


def of_modality(spec: ModalitySpec, bands: Sequence[str]) -> Scale:
    """Return the scale of a modality's own specification: mean and deviation where measured, else the range.

    A band about which the specification says nothing stays as it is.
    """
    offset: list[float] = []
    factor: list[float] = []
    for band in bands:
        about = spec.statistics.get(band, Statistics())
        low, high = about.minimum, about.maximum
        if about.mean is not None and about.std:
            offset, factor = [*offset, about.mean], [*factor, about.std]
        elif low is not None and high is not None and high > low:
            offset, factor = [*offset, (low + high) / 2], [*factor, (high - low) / 4]
        else:
            offset, factor = [*offset, 0.0], [*factor, 1.0]
    return Standardize(tuple(offset), tuple(factor))


def _channels(numbers: Sequence[float], like_NCHW: Tensor) -> Tensor:
    return torch.tensor(numbers, dtype=like_NCHW.dtype, device=like_NCHW.device)[:, None, None]
