"""Rule out pairs by the directions in which features are largest; trained encoders put most of theirs into few.

With R the directions (orthonormal rows), q.x = Rq.Rx + what is left, and that is at most |left of q| |left of x|
(Cauchy-Schwarz). So one product of a few more than d numbers, instead of D, bounds the cosine.
"""

# Q queries of a chunk, M references, D width, d directions, S references of a block, G groups of references
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from olmoearth_core.features.pairs import GROUP, QUERIES, SLACK, grouped, survivors, to_beat

_COUNTS = (16, 32, 64, 96, 128, 192, 256)
_ROUNDING = 1e-5
"""Bound on the error of a squared length in float32."""
_PAIR = 20.0
"""What a single pair costs, in units of what it costs within a matrix product."""
_WORTH = 0.6
"""Share of a full search above which bounds are not worth their while."""


@dataclass(frozen=True)
class Leading:
    """A block along its directions. lines: [d + 2,S] with what is left, and -4 for what only fills up a group.

    room: for QUERIES to compute in, since fresh memory costs more than the arithmetic.
    """

    directions: Tensor
    lines: Tensor
    k: int
    room: Tensor

    @classmethod
    def of(cls, block_SD: Tensor, directions_Dd: Tensor, k: int) -> Leading | None:
        """Turn a block; None if it is too small to gain by it."""
        if len(block_SD) < k * GROUP:
            return None
        lines = torch.cat([turned(block_SD, directions_Dd), torch.zeros(len(block_SD), 1)], 1)
        missing = -len(lines) % GROUP
        lines = pad(lines, (0, 0, 0, missing))
        lines[len(lines) - missing :, -1] = -4.0
        return cls(directions_Dd, lines.mT.contiguous(), k, torch.empty(QUERIES, len(lines)))

    def search(self, query_QD: Tensor, block_SD: Tensor, known_Q: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return the nearest of the block; None if too few pairs can be ruled out. known_Q: cosine to be beaten."""
        own = torch.cat([turned(query_QD, self.directions), torch.ones(len(query_QD), 1)], 1)
        most_QS = torch.mm(own, self.lines, out=self.room[: len(own)])
        most_QG = grouped(most_QS).amax(-1)
        least_Q = to_beat(query_QD, block_SD, most_QS, most_QG, self.k).maximum(known_Q) - SLACK
        return survivors(query_QD, block_SD, most_QS, most_QG, least_Q, self.k)


def turned(rows_ND: Tensor, directions_Dd: Tensor) -> Tensor:
    """Return [N,d + 1]: unit rows along the directions, and the most that is left of their length."""
    lead = rows_ND @ directions_Dd
    left = (1 - lead.square().sum(-1, keepdim=True)).clamp(min=0).add(_ROUNDING).sqrt()
    return torch.cat([lead, left], 1)


def directions(learnt_ND: Tensor, tried_ND: Tensor, query_QD: Tensor, share: float) -> Tensor | None:
    """Return directions [D,d] by which most pairs can be ruled out; None if there are none that pay.

    learnt: some references; tried: others, on which the gain is estimated. share: neighbours wanted of all references.
    """
    vectors = torch.linalg.eigh(learnt_ND.mT @ learnt_ND).eigenvectors.flip(1)
    wanted = max(1, round(share * len(tried_ND)))
    least = (query_QD @ tried_ND.mT).topk(wanted, dim=1).values[:, -1:]
    width, best, found = learnt_ND.shape[1], _WORTH, None
    for count in (count for count in _COUNTS if count < width):
        chosen = vectors[:, :count].contiguous()
        bounds = turned(query_QD, chosen) @ turned(tried_ND, chosen).mT
        cost = (count + 2) / width + _PAIR * float((bounds >= least).float().mean())
        if cost < best:
            best, found = cost, chosen
    return found
