"""What predictions of a masked view are compared with: computed only where something is predicted, if that suffices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import nn

from olmoearth_core.data.sample import Batch, ViewCounts
from olmoearth_core.data.tokens import ENCODE, MISSING, TARGET_ONLY
from olmoearth_core.interfaces.loss import Tokens


@torch.no_grad()
def targets(
    target_encoder: nn.Module, batch: Batch, patch_size: int, token_exits: Mapping[str, int] | None, full: bool
) -> Tokens:
    """Return the targets of one masked view, without gradients.

    token_exits: depth at which each modality leaves the target encoder; None = 0, bare patch embeddings.
    full: false = only places to be decoded are computed, where the exits allow it; true = all that are there.
    """
    exits = dict.fromkeys(batch.arrays, 0) if token_exits is None else token_exits
    wanted = batch.unmask() if full or any(exits.values()) else decode_only(batch)
    found: Tokens = target_encoder(wanted, patch_size, token_exits=exits)
    return found


def decode_only(batch: Batch) -> Batch:
    """Return the batch with just those tokens visible that a decoder has to predict."""

    def swap(mask: torch.Tensor) -> torch.Tensor:
        codes = torch.tensor([TARGET_ONLY, TARGET_ONLY, ENCODE, MISSING], dtype=mask.dtype, device=mask.device)
        return codes[mask.long()]

    counts = batch.counts
    if counts is not None:
        nothing = {name: (0,) * len(rows) for name, rows in counts.decode.items()}
        counts = ViewCounts(encode=counts.decode, decode=nothing, present=counts.present)
    return replace(batch, masks={name: swap(m) for name, m in batch.masks.items()}, counts=counts)
