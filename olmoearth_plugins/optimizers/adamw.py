"""AdamW: decoupled weight decay on every trainable parameter, updates skipped on the device.

The step is torch's fused kernel: it reads `found_inf`, so a step with a non-finite gradient leaves weights,
moments and step counters alone without the host asking the device anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw as fused_update

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.optim import OptimizerRecipe


def adamw(
    *,
    lr: float = 1e-3,
    betas: Sequence[float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    no_decay_1d: bool = False,
) -> OptimizerRecipe:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019): p <- p (1 - lr wd) - lr m / (sqrt(v) + eps).

    Args:
        lr: peak learning rate; the schedule scales it.
        betas: decay of the running means of gradient and squared gradient, both in [0, 1).
        eps: added to the root of the second moment.
        weight_decay: share of a weight lost per unit of learning rate; acts on biases, norms and embeddings too.
        no_decay_1d: leave weights of fewer than two dimensions alone: biases and norms. They are a group of their own.

    Raises:
        ConfigError: a value outside its range.
    """
    if lr < 0 or eps < 0 or weight_decay < 0:
        raise ConfigError(f"adamw: lr, eps and weight_decay must not be negative, found {lr}, {eps}, {weight_decay}.")
    if len(betas) != 2 or not all(0 <= b < 1 for b in betas):
        raise ConfigError(f"adamw: betas must be two numbers in [0, 1), found {list(betas)}.")
    return _Recipe(lr, (betas[0], betas[1]), eps, weight_decay, no_decay_1d)


class _Recipe:
    def __init__(
        self, lr: float, betas: tuple[float, float], eps: float, weight_decay: float, no_decay_1d: bool
    ) -> None:
        self.lr, self.betas, self.eps, self.weight_decay, self.no_decay_1d = lr, betas, eps, weight_decay, no_decay_1d

    def build(self, named_parameters: Iterable[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """Return one group of everything that is trained, in the model's order; with `no_decay_1d`, two."""
        trained = [p for _, p in named_parameters if p.requires_grad]
        groups: list[dict[str, Any]] = [{"params": trained}]
        if self.no_decay_1d:
            spared = {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0}
            groups = [group for group in ({"params": [p for p in trained if p.dim() >= 2]}, spared) if group["params"]]
        return _AdamW(groups, lr=self.lr, betas=self.betas, eps=self.eps, weight_decay=self.weight_decay, fused=True)


class _AdamW(torch.optim.AdamW):
    """torch's AdamW without its decorators: those import torch._dynamo, seconds before the first step."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        parameters = list(param_group["params"])
        self.param_groups.append(
            {**self.defaults, **param_group, "params": parameters, "initial_lr": self.defaults["lr"]}
        )

    def zero_grad(self, set_to_none: bool = True) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient, unless `self.found_inf` says 1."""
        for group in self.param_groups:
            lists: list[list[Tensor]] = [[] for _ in range(6)]
            self._init_group(group, *lists)  # type: ignore[no-untyped-call]
            parameters, grads, means, squares, maxima, steps = lists
            if not parameters:
                continue
            fused_update(
                parameters, grads, means, squares, maxima, steps, fused=True, amsgrad=False, maximize=False,
                beta1=group["betas"][0], beta2=group["betas"][1], lr=group["lr"], eps=group["eps"],
                weight_decay=group["weight_decay"], grad_scale=None, found_inf=getattr(self, "found_inf", None),
            )  # fmt: skip
