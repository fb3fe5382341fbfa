"""Over which tokens a pooling goes: all of a sample, those of a patch on the ground, or those of each modality."""

# B samples, H W patches, T steps, S band groups, K tokens, D width
from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from torch import Tensor

from olmoearth_core.data.tokens import ENCODE
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.loss import Tokens

Scope = Literal["instance", "grid", "modality"]
"""instance: [B,D]. grid: [B,H,W,D] of the modalities that have rows and columns. modality: [B, modalities, D]."""


def parts(tokens: Tokens, scope: Scope) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield tokens [B,K,D] or, on the grid, [B,H,W,K,D], and bool [..., K, 1] of the visible ones, per modality.

    Raises:
        DataError: a grid is asked for and no modality has one.
    """
    found = False
    for name, token in tokens.tokens.items():
        visible = (tokens.masks[name] == ENCODE).unsqueeze(-1)
        if scope == "grid" and token.ndim != 6:
            continue
        found = True
        yield (
            (token.flatten(3, 4), visible.flatten(3, 4))
            if scope == "grid"
            else (
                token.flatten(1, -2),
                visible.flatten(1, -2),
            )
        )
    if not found:
        raise DataError(
            f"a patch grid needs a modality with rows and columns, but the tokens are of {list(tokens.tokens)}."
        )
