"""Spread vectors over the sphere: each keeps away from its nearest neighbour (KoLeo, Sablayrolles et al. 2019)."""

# B samples, N tokens of a sample, n rows that are compared, M keys, D width
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn.functional import normalize

from olmoearth_core.data.tokens import ENCODE
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.loss import Loss, Tokens
from olmoearth_plugins.losses.positive import positive

Mode = Literal["instance", "patch"]
Latent = Tokens
"""What an encoder returns."""
SCORES = 1 << 24
"""Cosines held at once while nearest neighbours are sought."""


def koleo(*, weight: float = 0.1, mode: Mode = "instance", eps: float = 1e-8) -> Loss:
    """Describe -weight * mean over rows of log(|x - nearest x + eps| + eps), rows of length one.

    It takes one argument: a matrix whose rows are compared, whatever the mode, or the tokens of an encoder. Rows
    without anything encoded are left out. A single row is its own neighbour.

    weight: factor on the value.
    mode: "instance" = one row per sample, the mean of its encoded tokens; "patch" = one row per encoded token of the
        batch.
    eps: shortest length that is scaled to one, and what keeps distance and logarithm from zero.

    Raises:
        ConfigError: an unknown mode, or an eps that is not positive.
    """
    positive("koleo", eps=eps)
    if mode not in get_args(Mode):
        raise ConfigError(f'olmoearth.koleo.v1: mode is "{mode}"; expected one of {", ".join(get_args(Mode))}.')
    return _KoLeo(weight, mode, eps)


@dataclass
class _KoLeo:
    weight: float
    mode: Mode
    eps: float
    name: str = "KoLeo"

    def __call__(self, predicted: Tensor | Latent, target: object = None) -> Tensor:
        """Look at a matrix [n,D] or at what an encoder returned; `target` is not looked at."""
        some = predicted if isinstance(predicted, Tensor) else next(iter(predicted.tokens.values()))
        with torch.autocast(some.device.type, enabled=False):
            rows_nD, there_n = self._rows(predicted)
            x_nD = normalize(rows_nD.float(), dim=-1, eps=self.eps)
            near_n = _nearest(x_nD.detach(), there_n)
            distance_n = torch.linalg.vector_norm(x_nD - x_nD[near_n] + self.eps, dim=-1)
            each_n = (distance_n + self.eps).log() * there_n
            value: Tensor = -self.weight * each_n.sum() / there_n.sum().clamp(min=1)
            return value

    def _rows(self, predicted: Tensor | Tokens) -> tuple[Tensor, Tensor]:
        if isinstance(predicted, Tensor):
            return predicted, torch.ones(len(predicted), dtype=torch.bool, device=predicted.device)
        there_BN = torch.cat([(mask == ENCODE).flatten(1) for mask in predicted.masks.values()], dim=1)
        x_BND = torch.cat([predicted.tokens[name].flatten(1, -2).float() for name in predicted.masks], dim=1)
        # Values of hidden tokens mean nothing, and may be anything.
        x_BND = x_BND.where(there_BN[..., None], 0)
        if self.mode == "patch":
            return x_BND.flatten(0, 1), there_BN.flatten()
        count_B1 = there_BN.sum(1, keepdim=True)
        return x_BND.sum(1) / count_B1.clamp(min=1), count_B1[:, 0] > 0


def _nearest(x_nD: Tensor, there_n: Tensor) -> Tensor:
    """Return the number of the row with the largest cosine among the other rows that are there; else its own."""
    found = []
    step = max(1, SCORES // max(1, len(x_nD)))
    for start in range(0, len(x_nD), step):
        chunk_kD = x_nD[start : start + step]
        scores_kM = (chunk_kD @ x_nD.T).masked_fill_(~there_n, -torch.inf)
        # Below any cosine, above what is not there: who is alone is his own neighbour.
        scores_kM[:, start : start + step].diagonal().fill_(-2)
        found.append(scores_kM.argmax(1))
    return torch.cat(found)
