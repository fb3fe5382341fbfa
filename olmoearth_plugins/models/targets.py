"""Which tokens a target has to be computed for: only those that are predicted."""

from __future__ import annotations

from dataclasses import replace

import torch

from olmoearth_core.data.sample import Batch, ViewCounts
from olmoearth_core.data.tokens import ENCODE, MISSING, TARGET_ONLY


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
