"""Beta(alpha, alpha) from two uniform numbers, exactly and for every alpha, without rejection.

T = sqrt(2a (U^(-1/a) - 1)) cos(2 pi V) follows Student's t with 2a degrees of freedom (Bailey 1994, "Polar generation
of random variates with the t-distribution"), and (1 + T / sqrt(2a + T^2)) / 2 follows Beta(a, a) (Devroye 1996,
"Random variate generation in one line of code").
"""

# B samples
from __future__ import annotations

import math

import torch
from torch import Tensor

from olmoearth_core.errors import ConfigError


def check_alpha(name: str, alpha: float) -> None:
    """Raise ConfigError if there is no such distribution."""
    if not alpha > 0:
        raise ConfigError(f"{name}: alpha is {alpha}; it must be above 0.")


def symmetric_beta(uniform_B2: Tensor, alpha: float) -> Tensor:
    """Return float64 [B] in [0, 1]; each sample uses its own two numbers, float64 in [0, 1)."""
    u_B, v_B = uniform_B2.unbind(1)
    cosine_B = torch.cos(2 * math.pi * v_B)
    # T^2 / 2a; U^(-1/a) may overflow to infinity, which gives exactly 0 or 1 below.
    odds_B = torch.expm1(-torch.log(u_B) / alpha) * cosine_B**2
    return (1 + torch.sign(cosine_B) / torch.sqrt(1 + 1 / odds_B)) / 2
