"""Numbers are learned as z-scores of the training labels and mapped back before they are scored."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

LEAST_SPREAD = 1e-6


@dataclass(frozen=True)
class Scaling:
    """Mean and spread of the finite training labels, in the unit of the label."""

    mean: float = 0.0
    std: float = 1.0

    def scaled(self, values: Tensor) -> Tensor:
        """Return z-scores."""
        return (values - self.mean) / self.std

    def restored(self, values: Tensor) -> Tensor:
        """Return values in the unit of the label."""
        return values * self.std + self.mean


def fit(labels: Tensor) -> Scaling:
    """Measure finite labels: mean and unbiased standard deviation, at least 1e-6; without two, the spread is 1."""
    known = labels[labels.isfinite()]
    if not known.numel():
        return Scaling()
    std = float(known.std()) if known.numel() > 1 else 1.0
    return Scaling(float(known.mean()), max(std, LEAST_SPREAD))
