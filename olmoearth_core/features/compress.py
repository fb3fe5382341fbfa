"""Smaller features on request: rounded to few bits, reduced to few dimensions, or both in this order.

What an embedding product loses by being stored small is measured by scoring the rounded features.
"""

# N samples, D width
from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from olmoearth_core.choice import one_of
from olmoearth_core.errors import ConfigError
from olmoearth_core.features import quantize, reduce
from olmoearth_core.interfaces.evaluation import Task

QUANTIZATIONS = ("int8", "1bit", "2bit", "4bit", "8bit")


class Reduction(Protocol):
    """Directions fitted on the training split."""

    def apply(self, features: Tensor) -> Tensor:
        """Return features [..., K] of features [..., D]."""
        ...


@dataclass(frozen=True)
class Compression:
    """How small. quantization, quantiles, dim: as `quantize`, `quantiles` and `embedding_dim` of a task."""

    quantization: str | None = None
    quantiles: str | None = None
    dim: int | None = None

    @classmethod
    def of(cls, task: Task) -> Compression:
        """Return what a task asks for.

        Raises:
            ConfigError: it asks for something that does not exist, or without the file that it needs.
        """
        if task.quantize is not None:
            one_of(task.quantize, QUANTIZATIONS, "quantize")
        if task.quantize not in (None, "int8") and task.quantiles is None:
            raise ConfigError(f'quantize = "{task.quantize}" needs `quantiles`, the file of percentiles.')
        if task.embedding_dim is not None and task.embedding_dim < 1:
            raise ConfigError(f"embedding_dim is {task.embedding_dim}, but must be at least 1, or null.")
        return cls(task.quantize, task.quantiles, task.embedding_dim)

    def rounded(self, features: Tensor) -> Tensor:
        """Return the features as they are after being stored small, float32."""
        if self.quantization is None:
            return features
        if self.quantization == "int8":
            return quantize.through_int8(features)
        assert self.quantiles is not None
        bits = int(self.quantization.removesuffix("bit"))
        return quantize.through_percentiles(features, quantize.read_percentiles(self.quantiles, bits))

    def fitted(self, features: Tensor) -> Reduction:
        """Fit `dim` principal components on the training features."""
        assert self.dim is not None
        return reduce.principal_components(features, self.dim)
