"""Direction of predictions against direction of targets; their lengths do not matter."""

# n tokens to decode, D width
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.interfaces.loss import Loss, Tokens
from olmoearth_plugins.losses.decoded import device_of, joined, nothing
from olmoearth_plugins.losses.unit import unit


def cosine_similarity() -> Loss:
    """Describe the minus the mean cosine of predictions and targets, over all tokens to be decoded in the batch.

    Every token counts the same, whatever its sample and modality.
    """
    return _CosineSimilarity()


@dataclass
class _CosineSimilarity:
    name: str = "CosineSim"

    def __call__(self, predicted: Tokens, target: Tokens) -> Tensor:
        """Compare predictions with targets at all places to be decoded."""
        with torch.autocast(device_of(predicted), enabled=False):
            part, zero = joined(predicted, target), nothing(predicted)
            if part is None:
                return zero
            x_nD, y_nD = part.predicted, part.target
            return zero + -(unit(x_nD) * unit(y_nD)).sum(-1).mean()
