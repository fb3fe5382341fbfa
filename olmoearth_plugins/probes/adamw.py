"""AdamW for heads so small that the bookkeeping of an optimizer object costs more than its arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw


class AdamW:
    """torch's own fused AdamW with its defaults (betas 0.9 and 0.999, eps 1e-8, weight decay 0.01), without hooks."""

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        """Start with moments of zero."""
        self.parameters: list[Tensor] = list(parameters)
        self.first = [torch.zeros_like(p) for p in self.parameters]
        self.second = [torch.zeros_like(p) for p in self.parameters]
        self.steps = [torch.zeros((), device=p.device) for p in self.parameters]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], lr: float) -> None:
        """Change the parameters in place."""
        adamw(
            self.parameters, list(gradients), self.first, self.second, [], self.steps, fused=True, amsgrad=False,
            beta1=0.9, beta2=0.999, lr=lr, weight_decay=0.01, eps=1e-8, maximize=False,
        )  # fmt: skip
