"""After how many blocks each modality leaves the encoder that makes the targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from torch import nn

from olmoearth_core import names
from olmoearth_core.errors import ConfigError

Preset = Literal["zero", "half", "full", "varied"]
TokenExits = Mapping[str, int] | str | None
"""Depth by modality (0 where not named), one of the presets, or null = all 0."""
STAY = frozenset({"latlon", "worldcover"})
"""What the preset "varied" takes at depth 0."""


def check(where: str, exits: TokenExits) -> None:
    """Refuse what no encoder can follow.

    Raises:
        ConfigError: an unknown preset, or a depth below 0.
    """
    if isinstance(exits, str):
        if exits not in get_args(Preset):
            near = names.closest(exits, get_args(Preset))
            hint = f'Did you mean "{near}"?' if near else f"Presets are {', '.join(get_args(Preset))}."
            raise ConfigError(f'{where} is "{exits}", which is no preset. {hint}')
        return
    below = {name: depth for name, depth in (exits or {}).items() if depth < 0}
    if below:
        raise ConfigError(f"{where}: a depth counts blocks and cannot be below 0, found {below}.")


def check_against(where: str, exits: TokenExits, encoder: nn.Module) -> None:
    """Refuse exits of modalities that the encoder does not take, or beyond the blocks that there are.

    Raises:
        ConfigError: an exit that no token can take.
    """
    taken = [spec.name for spec in getattr(getattr(encoder, "patch_embeddings", None), "specs", ())]
    named = [] if isinstance(exits, str) else [name for name in exits or {} if taken and name not in taken]
    if named:
        near = names.closest(named[0], taken)
        hint = f'Did you mean "{near}"?' if near else f"The model takes {', '.join(taken)}."
        raise ConfigError(f'{where} names "{named[0]}", which the model does not take. {hint}')
    depth, deepest = depth_of(encoder), _deepest(exits, encoder)
    if depth is not None and deepest > depth:
        advice = "Lower it" if depth else "Leave it out, or take olmoearth.frozen_encoder.v1 as [model.target]"
        raise ConfigError(f"{where} asks for block {deepest}, but what makes the targets has {depth} blocks. {advice}.")


def resolve(exits: TokenExits, modalities: Sequence[str], encoder: nn.Module) -> dict[str, int]:
    """Return a depth for each modality."""
    if not isinstance(exits, str):
        return {name: (exits or {}).get(name, 0) for name in modalities}
    depth = depth_of(encoder) or 0
    everywhere = {"zero": 0, "half": depth // 2, "full": depth, "varied": depth}[exits]
    return {name: 0 if exits == "varied" and name in STAY else everywhere for name in modalities}


def depth_of(encoder: nn.Module) -> int | None:
    """Return the number of blocks, 0 for a bare projection; None if the encoder does not show them."""
    blocks = getattr(encoder, "blocks", None)
    if isinstance(blocks, nn.ModuleList):
        return len(blocks)
    return 0 if blocks is None and hasattr(encoder, "patch_embeddings") else None


def _deepest(exits: TokenExits, encoder: nn.Module) -> int:
    if isinstance(exits, str):
        # A preset asks for as many as there are; of a bare projection "full" would silently mean nothing.
        return 0 if exits == "zero" else max(depth_of(encoder) or 0, 1)
    return max((exits or {}).values(), default=0)
