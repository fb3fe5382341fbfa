"""Distance of predictions from targets, channel by channel."""

# n tokens to decode, D width
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.interfaces.loss import Loss, Tokens
from olmoearth_plugins.losses.decoded import device_of, joined, nothing


def l1() -> Loss:
    """Describe the mean absolute difference of predictions and targets, over all channels of all tokens to be decoded.

    Every token counts the same, whatever its sample and modality; nothing is normalised.
    """
    return _L1()


@dataclass
class _L1:
    name: str = "L1"

    def __call__(self, predicted: Tokens, target: Tokens) -> Tensor:
        """Compare predictions with targets at all places to be decoded."""
        with torch.autocast(device_of(predicted), enabled=False):
            part, zero = joined(predicted, target), nothing(predicted)
            if part is None:
                return zero
            x_nD, y_nD = part.predicted, part.target
            return zero + (x_nD - y_nD).abs().mean()
