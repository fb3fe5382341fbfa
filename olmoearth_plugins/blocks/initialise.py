"""Fresh weights: Xavier for the linear layers of a transformer, torch's own defaults where a layer asks for them."""

from __future__ import annotations

from torch import nn


def xavier(module: nn.Module, *, skip: tuple[type[nn.Module], ...] = ()) -> None:
    """Fill all linear layers below a module with Xavier-uniform weights and zero biases.

    skip: modules of these types, and all below them, keep torch's default (uniform, 1 / sqrt(inputs)).
    """
    if isinstance(module, skip):
        return
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    for child in module.children():
        xavier(child, skip=skip)
