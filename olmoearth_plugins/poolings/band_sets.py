"""One vector per patch and band group, for readers that weigh the sensors themselves."""

# B samples, H W patches, T steps, S band groups, D width
from __future__ import annotations

import torch
from torch import Tensor

from olmoearth_core.data.tokens import ENCODE
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.loss import Tokens
from olmoearth_core.interfaces.parts import Pooling


def band_sets() -> Pooling:
    """Average visible tokens over time only: [B,H,W,D * band groups], in the order of modalities and their groups.

    A band group with nothing at a patch is zero there (the reference drops a modality with any gap in the batch).
    """
    return _pool


def _pool(tokens: Tokens) -> Tensor:
    found = []
    for name, token_BHWTSD in tokens.tokens.items():
        if token_BHWTSD.ndim == 6:
            weight = (tokens.masks[name] == ENCODE).unsqueeze(-1).to(token_BHWTSD.dtype)
            found.append((token_BHWTSD * weight).sum(3) / weight.sum(3).clamp(min=1))
    if not found:
        raise DataError(
            f"a patch grid needs a modality with rows and columns, but the tokens are of {list(tokens.tokens)}."
        )
    return torch.cat(found, dim=3).flatten(3)
