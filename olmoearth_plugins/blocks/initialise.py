"""Fresh weights: Xavier for the linear layers of a transformer; patch projections keep torch's own defaults."""

from __future__ import annotations

from torch import nn


def xavier(module: nn.Module, *, skip: tuple[type[nn.Module], ...] = ()) -> nn.Module:
    """Fill all linear layers of a module with Xavier-uniform weights and zero biases, and return it.

    skip: modules of these types, and all below them, are left as they are.
    """
    if isinstance(module, skip):
        return module
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    for child in module.children():
        xavier(child, skip=skip)
    return module
