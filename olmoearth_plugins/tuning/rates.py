"""Learning rates by layer and over time, and when the encoder starts to learn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from olmoearth_core.interfaces.evaluation import Tunable
from olmoearth_core.scores.metrics import direction
from olmoearth_plugins.tuning.recipe import UNFREEZING, Recipe


def optimizer_of(tuned: Tunable, head: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """Return one AdamW over head and encoder.

    With `layer_decay`, a layer learns at lr * layer_decay ** (its depth below the head), so that the last layer of the
    encoder is one below (Clark et al. 2020, ELECTRA, layerwise learning-rate decay).
    """
    groups: list[dict[str, Any]] = [{"params": list(head.parameters()), "lr": recipe.lr}]
    if recipe.layer_decay is None:
        groups[0]["params"] += [parameter for layer in tuned.layers for parameter in layer]
    else:
        for depth, layer in enumerate(reversed(tuned.layers), start=1):
            groups.append({"params": list(layer), "lr": recipe.lr * recipe.layer_decay**depth})
    return torch.optim.AdamW([{**group, "peak": group["lr"]} for group in groups], lr=recipe.lr)


def plateau_of(optimizer: torch.optim.Optimizer, metric: str) -> ReduceLROnPlateau:
    """Return a schedule that divides the rate by 5 when a metric has not improved for more than 2 epochs."""
    mode: Literal["min", "max"] = "max" if direction(metric) > 0 else "min"
    return ReduceLROnPlateau(optimizer, mode=mode, factor=0.2, patience=2, cooldown=10, min_lr=0)


def freeze(parameters: Iterable[nn.Parameter]) -> None:
    """Let the optimiser pass over the encoder: without gradients there are neither steps nor weight decay."""
    for parameter in parameters:
        parameter.requires_grad_(False)
        parameter.grad = None


def unfreeze(parameters: Iterable[nn.Parameter]) -> None:
    """Let the encoder learn."""
    for parameter in parameters:
        parameter.requires_grad_(True)


def lower(optimizer: torch.optim.Optimizer, recipe: Recipe) -> None:
    """Lower all rates as the encoder starts to learn: a tenth of what they are, or of where they began."""
    for group in optimizer.param_groups:
        group["lr"] = UNFREEZING * (group["peak"] if recipe.resets_rate else group["lr"])
