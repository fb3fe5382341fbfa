"""Two pooled views of one sample must find each other among all samples of the batch."""

# B samples, D width
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.loss import Loss
from olmoearth_plugins.losses.unit import unit


def info_nce(*, tau: float = 0.1, weight: float = 1.0) -> Loss:
    """Describe weight * mean over i of -log softmax_j(a_i . b_j / tau)[i], with a and b of length one.

    tau: temperature; smaller looks more at the hardest negatives. weight: factor on the value.
    A sample whose vector is zero in either view (nothing of it was visible) is neither query nor key.

    Raises:
        ConfigError: a temperature that is not positive.
    """
    if not tau > 0:
        raise ConfigError(f"olmoearth.info_nce.v1: tau is {tau}; it must be above 0.")
    return _InfoNCE(tau, weight)


@dataclass
class _InfoNCE:
    tau: float
    weight: float
    name: str = "InfoNCE"

    def __call__(self, predicted: Tensor, target: Tensor) -> Tensor:
        """Compare two matrices [B,D]."""
        with torch.autocast(predicted.device.type, enabled=False):
            a_BD, b_BD = unit(predicted), unit(target)
            there_B = (a_BD.detach() != 0).any(-1) & (b_BD.detach() != 0).any(-1)
            scores_BB = (a_BD @ b_BD.T) / self.tau
            own_BB = torch.eye(len(scores_BB), dtype=torch.bool, device=scores_BB.device)
            scores_BB = scores_BB.masked_fill(~there_B & ~own_BB, -torch.inf)
            own_B = torch.arange(len(scores_BB), device=scores_BB.device)
            each_B = cross_entropy(scores_BB, own_B, reduction="none") * there_B
            return self.weight * each_B.sum() / there_B.sum().clamp(min=1)
