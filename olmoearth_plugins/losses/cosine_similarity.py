"""Direction of predictions against direction of targets; their lengths do not matter."""

# n tokens to decode, D width
from __future__ import annotations

from torch import Tensor

from olmoearth_core.interfaces.loss import Loss
from olmoearth_plugins.losses.token_mean import TokenMean
from olmoearth_plugins.losses.unit import unit


def cosine_similarity() -> Loss:
    """Describe minus the mean cosine of predictions and targets, over all tokens to be decoded in the batch.

    Every token counts the same, whatever its sample and modality.
    """
    return TokenMean("CosineSim", _compare)


def _compare(x_nD: Tensor, y_nD: Tensor) -> Tensor:
    return -(unit(x_nD) * unit(y_nD)).sum(-1).mean()
