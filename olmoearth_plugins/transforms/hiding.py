"""Hide parts of a sample by lot, never too many: what band dropout and the two subsamplings share.

What is hidden becomes absent: value 0, presence False.
"""

# B samples, N candidates, T steps, C bands
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.masking import Draw
from olmoearth_core.interfaces.transform import Pixels
from olmoearth_plugins.transforms.presence import narrow


def check_rate(name: str, rate: float) -> None:
    """Raise ConfigError if a rate is no share."""
    if not 0 <= rate <= 1:
        raise ConfigError(f"{name}: rate is {rate}; it must be between 0 and 1.")


def check_min_kept(name: str, min_kept: int) -> None:
    """Raise ConfigError if it is no number of candidates."""
    if min_kept < 0:
        raise ConfigError(f"{name}: min_kept is {min_kept}; it must not be negative.")


def rates(draw: Draw, purpose: str, rate: float, *, random: bool) -> Tensor:
    """Return each sample's probability of hiding a candidate, float64 [B,1]; with `random` uniform in 0…rate."""
    uniform_B1 = draw(purpose, 1)
    return uniform_B1 * rate if random else torch.full_like(uniform_B1, rate)


def kept(lots_BN: Tensor, there_BN: Tensor, rate_B1: Tensor, least: int) -> Tensor:
    """Return which candidates stay, bool [B,N]: each with probability 1 - rate, `least` of those there in any case."""
    order_BN = lots_BN.masked_fill(~there_BN, -1).argsort(dim=1, descending=True, stable=True)
    place_BN: Tensor = order_BN.argsort(1)
    return (lots_BN >= rate_B1) | (place_BN < least)


def hide(pixels: Pixels, keep: Mapping[str, Tensor]) -> Pixels:
    """Make absent what is not kept.

    keep: bool by modality, broadcastable to its array; modalities without an entry stay as they are.
    """
    arrays = {name: pixels.arrays[name].masked_fill(~keep[name], 0) for name in keep}
    presence = {name: (narrow(pixels.presence[name]) & keep[name]).expand(pixels.presence[name].shape) for name in keep}
    return replace(pixels, arrays={**pixels.arrays, **arrays}, presence={**pixels.presence, **presence})


def some_band(presence: Tensor) -> Tensor:
    """Return which bands have a value anywhere in a sample, bool [B,C]."""
    small = narrow(presence)
    return small.reshape(len(small), -1, small.shape[-1]).any(1).expand(-1, presence.shape[-1])


def some_step(presence: Tensor) -> Tensor:
    """Return at which time steps a sample has a value, bool [B,T]."""
    small = narrow(presence).movedim(-2, 1)
    return small.flatten(2).any(2).expand(-1, presence.shape[-2])


def chosen(modality: str, modalities: list[str] | None) -> bool:
    """Whether a modality is one of those that an option names; None names all."""
    return modalities is None or modality in modalities
