"""The band groups of a batch as columns of one table, so that all samples are decided at once.

Lots are keyed by modality and group, not by column, so the order in which modalities are declared does not move them.
"""

# B samples, P band groups
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from olmoearth_core.interfaces.masking import Draw
from olmoearth_core.interfaces.modality import ModalitySpec

Group = tuple[ModalitySpec, int]
"""A modality and the number of one of its band groups."""


def band_groups(present: Mapping[str, Tensor], specs: Iterable[ModalitySpec]) -> list[Group]:
    """Return all band groups in declaration order."""
    return [(spec, i) for spec in specs for i in range(present[spec.name].shape[-1])]


def some(parts: Mapping[str, Tensor], groups: Sequence[Group]) -> Tensor:
    """Return whether any token of each group is true, bool [B,P]."""
    return torch.stack([parts[spec.name][..., i : i + 1].flatten(1).any(1) for spec, i in groups], dim=1)


def lots(draw: Draw, purpose: str, groups: Sequence[Group]) -> Tensor:
    """Draw one number per group and sample, float64 [B,P]."""
    return torch.cat([draw(f"{purpose}/{spec.name}/{i}", 1) for spec, i in groups], dim=1)


def between(low_B: Tensor, high_B: Tensor, uniform_B: Tensor) -> Tensor:
    """Return a whole number from low to high (both included), each equally likely, int64 [B]."""
    return low_B + torch.floor(uniform_B * (high_B - low_B + 1)).long()
