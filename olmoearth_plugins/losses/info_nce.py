"""Two pooled views of one sample must find each other among all samples of the batch."""

# B samples, M of all processes, D width
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from olmoearth_core.interfaces.loss import Loss
from olmoearth_plugins.losses.across_ranks import gather_rows, ranks
from olmoearth_plugins.losses.positive import positive
from olmoearth_plugins.losses.unit import unit


def info_nce(*, tau: float = 0.1, weight: float = 1.0, gather: bool = False) -> Loss:
    """Describe weight * mean over i of -log softmax_j(a_i . b_j / tau)[i], with a and b of length one.

    tau: temperature; smaller looks more at the hardest negatives. weight: factor on the value.
    gather: compare with the samples of all processes; the mean over processes of values and of gradients is then that
        of one process with the joined micro-batches. Every process must call the loss equally often.
    A sample whose vector is zero in either view (nothing of it was visible) is neither query nor key.

    Raises:
        ConfigError: a temperature that is not positive.
    """
    positive("info_nce", tau=tau)
    return _InfoNCE(tau, weight, gather)


@dataclass
class _InfoNCE:
    tau: float
    weight: float
    gather: bool
    name: str = "InfoNCE"

    def __call__(self, predicted: Tensor, target: Tensor) -> Tensor:
        """Compare two matrices [B,D]."""
        with torch.autocast(predicted.device.type, enabled=False):
            a_BD, b_BD = unit(predicted), unit(target)
            there_B = (a_BD.detach() != 0).any(-1) & (b_BD.detach() != 0).any(-1)
            if not (self.gather and ranks() > 1):
                return self.weight * self._sum(a_BD, b_BD, there_B, there_B, 0) / there_B.sum().clamp(min=1)
            # One column more says who is there, so that one exchange does.
            keys_MD, real_M, first, _ = gather_rows(torch.cat([b_BD, there_B[:, None]], 1), samples=len(a_BD))
            there_M = real_M & (keys_MD.detach()[:, -1] > 0)
            value = self._sum(a_BD, keys_MD[:, :-1], there_B, there_M, first)
            return ranks() * self.weight * value / there_M.sum().clamp(min=1)

    def _sum(self, a_BD: Tensor, b_MD: Tensor, there_B: Tensor, there_M: Tensor, first: int) -> Tensor:
        """Sum over the rows that are there; row i's own key is the column first + i."""
        scores_BM = (a_BD @ b_MD.T) / self.tau
        own_B = torch.arange(len(a_BD), device=a_BD.device) + first
        own_BM = torch.arange(len(b_MD), device=a_BD.device) == own_B[:, None]
        scores_BM = scores_BM.masked_fill(~there_M & ~own_BM, -torch.inf)
        return (cross_entropy(scores_BM, own_B, reduction="none") * there_B).sum()
