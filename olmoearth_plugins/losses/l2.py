"""Squared distance of predictions from targets, channel by channel."""

# n tokens to decode, D width
from __future__ import annotations

from torch import Tensor

from olmoearth_core.interfaces.loss import Loss
from olmoearth_plugins.losses.token_mean import TokenMean


def l2() -> Loss:
    """Describe the mean squared difference of predictions and targets, over all channels of all tokens to be decoded.

    Every token counts the same, whatever its sample and modality; nothing is normalised.
    """
    return TokenMean("L2", _compare)


def _compare(x_nD: Tensor, y_nD: Tensor) -> Tensor:
    return (x_nD - y_nD).square().mean()
