"""The mean over samples of the mean over each sample's own tokens: what the patch losses share."""

# R samples that have tokens, K most tokens of one, D width
from __future__ import annotations

import torch
from torch import Tensor

from olmoearth_plugins.losses.contrast import Rules, contrast
from olmoearth_plugins.losses.decoded import Decoded, grid
from olmoearth_plugins.losses.unit import standardise


def by_sample(part: Decoded, rules: Rules, *, pred2unit: bool) -> Tensor:
    """Contrast the tokens of each sample among themselves and return 2 tau times the mean over samples.

    pred2unit: standardise the channels of the predictions over all tokens of `part` first.
    """
    if pred2unit:
        part = Decoded(part.modality, standardise(part.predicted), part.target, part.counts)
    x_RKD, y_RKD, valid_RK = grid(part)
    weight_RK = _mean(x_RKD, valid_RK)
    value_R, says_R = contrast(x_RKD, y_RKD, weight_RK, rules, valid_RK)
    return 2 * rules.tau * value_R.sum() / says_R.sum().clamp(min=1)


def _mean(x_RKD: Tensor, valid_RK: Tensor | None) -> Tensor:
    """Return the weight of each token in the mean of its sample."""
    if valid_RK is None:
        return torch.full(x_RKD.shape[:2], 1 / x_RKD.shape[1], device=x_RKD.device)
    return valid_RK / valid_RK.sum(-1, keepdim=True)
