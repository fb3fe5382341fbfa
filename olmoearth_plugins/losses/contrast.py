"""Each prediction must pick its own target among others: the core of all discrimination losses.

    s_ij = cos(x_i, y_j) / tau        loss of row i = -log softmax_j(s_ij)[own]

The value is linear in what comes from above, so the gradient is made together with it, chunk by chunk: no matrix of
scores outlives its chunk, whatever the number of tokens. Vectors are brought to length one in the space of scores.
"""

# R samples, K queries, M keys (of which one is the query's own), D width
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

SHORTEST = 1e-12
"""Length below which a vector is not scaled up any further, as in torch.nn.functional.normalize."""
CHUNK = {"cpu": 1 << 20}
CHUNK_ELSEWHERE = 1 << 26
"""Scores held at once: what fits a CPU's cache, and what keeps an accelerator busy (256 MiB)."""

Weigh = Callable[[Tensor, Tensor | None, slice], Tensor]
"""(cosines [r,k,M], excluded [r,k,M] or None, own columns) -> factor of each score, taken as constant."""


@dataclass(frozen=True)
class Rules:
    """What a score is made of.

    tau: temperature. threshold: cosine of two targets above which they are no negatives of each other; None = all are.
    weigh: factors of the scores; None = 1. first: column of row 0's own key.
    """

    tau: float
    threshold: float | None = None
    weigh: Weigh | None = None
    first: int = 0


def contrast(
    x_RKD: Tensor, y_RMD: Tensor, weight_RK: Tensor, rules: Rules, valid_RM: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the weighted sum of the losses of each sample's rows, [R], and which samples say something, bool [R].

    valid_RM: keys that exist; None = all. Samples in which some row of positive weight has negatives, but none that
    differs from its own target by the threshold, say nothing: their sum is 0.
    """
    value_R, says_R = _Contrast.apply(x_RKD, y_RMD, weight_RK, rules, valid_RM)  # type: ignore[no-untyped-call]
    return value_R, says_R


class _Contrast(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x_RKD: Tensor, y_RMD: Tensor, weight_RK: Tensor, rules: Rules, valid_RM: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        with torch.autocast(x_RKD.device.type, enabled=False):
            parts = _Parts(x_RKD, y_RMD, weight_RK, rules, valid_RM, ctx.needs_input_grad[:2])
            for samples, rows in _chunks(x_RKD, y_RMD):
                parts.add(samples, rows)
        ctx.save_for_backward(parts.dx, parts.dy, parts.says_R)
        ctx.mark_non_differentiable(parts.says_R)
        return parts.value_R * parts.says_R, parts.says_R

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, above_R: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        dx, dy, says_R = ctx.saved_tensors
        factor = (above_R * says_R)[:, None, None]
        return None if dx is None else dx * factor, None if dy is None else dy * factor, None, None, None


def _chunks(x_RKD: Tensor, y_RMD: Tensor) -> Iterator[tuple[slice, slice]]:
    limit = CHUNK.get(x_RKD.device.type, CHUNK_ELSEWHERE)
    keys, (samples, queries) = y_RMD.shape[1], x_RKD.shape[:2]
    rows = min(queries, max(1, limit // max(1, keys)))
    together = max(1, limit // max(1, rows * keys))
    for i in range(0, samples, together):
        for j in range(0, queries, rows):
            yield slice(i, min(i + together, samples)), slice(j, min(j + rows, queries))


class _Parts:
    """Value and gradients, as far as they are summed up."""

    def __init__(
        self, x: Tensor, y: Tensor, weight: Tensor, rules: Rules, valid: Tensor | None, wanted: tuple[bool, bool]
    ) -> None:
        self.x, self.y, self.weight, self.rules, self.valid = x, y, weight, rules, valid
        self.short_x, self.short_y = (1 / t.norm(dim=-1).clamp(min=SHORTEST) for t in (x, y))
        self.value_R = x.new_zeros(len(x))
        self.says_R = torch.ones(len(x), dtype=torch.bool, device=x.device)
        self.dx = torch.empty_like(x) if wanted[0] else None
        self.dy = torch.zeros_like(y) if wanted[1] else None

    def add(self, samples: slice, rows: slice) -> None:
        """Add the rows of some samples."""
        x, y, rules = self.x[samples, rows], self.y[samples], self.rules
        own = slice(rows.start + rules.first, rows.stop + rules.first)
        short = self.short_x[samples, rows, None] / rules.tau, self.short_y[samples, None, :]
        scores = torch.bmm(x, y.mT).mul_(short[0]).mul_(short[1])
        excluded = self._excluded(samples, rows, own)
        factors = None
        if rules.weigh is not None:
            factors = rules.weigh(scores * rules.tau, excluded, own)
            scores = scores * factors
        seen = scores if excluded is None else scores.masked_fill(excluded, -torch.inf)
        chances = torch.log_softmax(seen, dim=-1)
        each = -_own(chances, own)
        weight = self.weight[samples, rows]
        self.value_R[samples] += (each * weight).sum(-1)
        if self.dx is not None or self.dy is not None:
            slope = chances.exp_()
            _own(slope, own).sub_(1)
            self._slopes(samples, rows, slope.mul_(weight[..., None]), scores, factors)

    def _slopes(self, samples: slice, rows: slice, slope: Tensor, scores: Tensor, factors: Tensor | None) -> None:
        """Add the gradients; `slope` is that of the scores. Along its own direction a vector has none."""
        x, y, short_x, short_y = self.x[samples, rows], self.y[samples], self.short_x[samples, rows], self.short_y
        along = scores.mul_(slope)
        slope = slope.mul_(short_x[..., None] / self.rules.tau).mul_(short_y[samples, None, :])
        slope = slope if factors is None else slope.mul_(factors)
        if self.dx is not None:
            across = torch.bmm(slope, y)
            self.dx[samples, rows] = across.addcmul_(x, (along.sum(2) * short_x.square())[..., None], value=-1)
        if self.dy is not None:
            across = torch.bmm(slope.mT, x)
            across.addcmul_(y, (along.sum(1) * short_y[samples].square())[..., None], value=-1)
            self.dy[samples] += across

    def _excluded(self, samples: slice, rows: slice, own: slice) -> Tensor | None:
        """Return the keys that are no negatives of a row, [r,k,M], its own never among them."""
        gone = None if self.valid is None else ~self.valid[samples, None, :].expand(-1, rows.stop - rows.start, -1)
        if self.rules.threshold is not None:
            same = self._cosines(samples, own) > self.rules.threshold
            gone = same if gone is None else gone | same
            _own(gone, own).fill_(True)
            self._silence(samples, rows, gone)
        elif gone is not None:
            gone = gone.clone()
        if gone is not None:
            _own(gone, own).fill_(False)
        return gone

    def _cosines(self, samples: slice, own: slice) -> Tensor:
        y, short = self.y[samples], self.short_y[samples]
        return torch.bmm(y[:, own], y.mT).mul_(short[:, own, None]).mul_(short[:, None, :])

    def _silence(self, samples: slice, rows: slice, gone: Tensor) -> None:
        keys = gone.shape[-1] if self.valid is None else self.valid[samples].sum(-1, keepdim=True)
        helpless = gone.all(-1) & (self.weight[samples, rows] > 0)
        helpless = helpless & (keys > 1)
        self.says_R[samples] &= ~helpless.any(-1)


def _own(matrix: Tensor, own: slice) -> Tensor:
    """Return a view of each row's own column, [r,k]."""
    return matrix[..., own].diagonal(dim1=-2, dim2=-1)
