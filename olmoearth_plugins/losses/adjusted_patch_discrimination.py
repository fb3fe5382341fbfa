"""Patch discrimination whose negatives count the more, the nearer their similarity is to a chosen one.

Very easy negatives teach nothing, and very hard ones are often the same thing twice.
"""

# B samples, K queries, M keys
from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from olmoearth_core.interfaces.loss import Loss
from olmoearth_plugins.losses.across_modalities import AcrossModalities
from olmoearth_plugins.losses.contrast import Rules
from olmoearth_plugins.losses.positive import positive


def adjusted_patch_discrimination(
    *, tau: float = 0.1, mu: float = 0.7, sigma: float = 1.0, pred2unit: bool = False
) -> Loss:
    """Describe the mean over samples of the mean over tokens of 2 tau * -log softmax_j(w_ij p_i . t_j / tau)[own].

    Predictions p and targets t have length one. The weight of a negative is the density of a normal distribution at
    its cosine, scaled to mean 1 over the negatives of a token, and constant: no gradient runs through it. The own
    target weighs 1.

    tau: temperature. mu, sigma: mean and deviation of the normal distribution, in units of the cosine.
    pred2unit: bring each channel of the predictions to mean 0 and deviation 1 over the batch first.

    Raises:
        ConfigError: a temperature or deviation that is not positive.
    """
    positive("adjusted_patch_discrimination", tau=tau, sigma=sigma)
    return AcrossModalities("AdjustedPatchDisc", Rules(tau, weigh=partial(_weigh, mu, sigma)), pred2unit)


def _weigh(mu: float, sigma: float, cosines_BKM: Tensor, excluded_BKM: Tensor | None, own: slice) -> Tensor:
    """Return the factor of each score: mean 1 over the negatives of a row, 1 for its own."""
    # A softmax, because the densities themselves vanish far from mu: only their ratios count.
    exponent = (cosines_BKM - mu).square() * (-0.5 / sigma**2)
    if excluded_BKM is not None:
        exponent = exponent.masked_fill(excluded_BKM, -math.inf)
    exponent[..., own].diagonal(dim1=-2, dim2=-1).fill_(-math.inf)
    negatives = (exponent > -math.inf).sum(-1, keepdim=True)
    weight = torch.where(negatives > 0, exponent, 0).softmax(-1) * negatives
    weight[..., own].diagonal(dim1=-2, dim2=-1).fill_(1)
    return weight
