"""Features of fewer dimensions: principal components of the training features.

Exact and centred, not whitened: the eigenvectors of the covariance, which is summed block by block in float64, so that
features in a file never have to be in memory as a whole.
"""

# N rows, D width, P kept
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.errors import ConfigError, DataError

_BLOCK = 2**22
"""Values worked on at a time."""


@dataclass(frozen=True)
class Components:
    """Directions of most variance.

    mean: [D]; directions: [P,D], of length 1, most variance first, each with its largest entry positive; both float64.
    explained: share of the variance that they hold together.
    """

    mean: Tensor
    directions: Tensor
    explained: float

    def apply(self, features: Tensor) -> Tensor:
        """Return [..., P] of features [..., D], in their dtype; one block of rows at a time in float64."""
        rows = features.flatten(0, -2)
        out = torch.empty(len(rows), len(self.directions), dtype=features.dtype)
        step = max(1, _BLOCK // rows.shape[-1])
        for start in range(0, len(rows), step):
            part = rows[start : start + step].double() - self.mean
            out[start : start + step] = (part @ self.directions.mT).to(out.dtype)
        return out.view(*features.shape[:-1], -1)


def principal_components(features: Tensor, size: int) -> Components:
    """Fit components to training features [..., D] of any float dtype; leading axes are all rows.

    Equal to scikit-learn's exact solver up to the sign of each direction. Memory: D x D float64 and one block of rows.

    Raises:
        ConfigError: more components than rows or dimensions.
        DataError: some features are not finite.
    """
    rows = features.flatten(0, -2)
    count, width = rows.shape
    if not 1 <= size <= min(count, width):
        raise ConfigError(
            f"embedding_dim is {size}, but {count} training features of width {width} have at most "
            f"{min(count, width)} components. Ask for fewer."
        )
    step = max(1, _BLOCK // width)
    starts = range(0, count, step)
    mean = torch.stack([rows[at : at + step].double().sum(0) for at in starts]).sum(0) / count
    scatter = torch.zeros(width, width, dtype=torch.float64)
    for at in starts:
        part = rows[at : at + step].double() - mean
        scatter.addmm_(part.mT, part)
    if not bool(scatter.isfinite().all()):
        raise DataError("Some training features are not finite, so they have no components. Check the model's output.")
    values, vectors = torch.linalg.eigh(scatter)
    directions = vectors.mT.flip(0)[:size]
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    total = float(values.clamp(min=0).sum())
    explained = float(values.flip(0)[:size].clamp(min=0).sum()) / total if total > 0 else 0.0
    return Components(mean, (directions * largest.sign()).contiguous(), explained)
