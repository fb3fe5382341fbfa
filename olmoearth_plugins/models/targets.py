"""What predictions are compared with: frozen patch embeddings, computed only where a prediction is made."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import nn

from olmoearth_core.data.sample import Batch, ViewCounts
from olmoearth_core.data.tokens import ENCODE, MISSING, TARGET_ONLY
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.model import Encoded
from olmoearth_plugins.blocks.patch_embedding import PatchEmbedding
from olmoearth_plugins.blocks.visible import visible


class FrozenTargetProjection(nn.Module):
    """The patch embeddings of an encoder, and nothing else of it."""

    def __init__(self, encoder: nn.Module) -> None:
        """encoder: copied from, not kept.

        Raises:
            ConfigError: the encoder has no such part.
        """
        super().__init__()
        embedding = getattr(encoder, "patch_embeddings", None)
        if not isinstance(embedding, PatchEmbedding):
            raise ConfigError(
                f"projection_only_target needs the patch embeddings of olmoearth.flexi_vit, but the encoder is "
                f"a {type(encoder).__name__}. Leave it false."
            )
        self.patch_embeddings = copy.deepcopy(embedding)

    def forward(self, batch: Batch, patch_size: int = 4, token_exits: Mapping[str, int] | None = None) -> Encoded:
        """Embed the visible patches.

        Raises:
            ConfigError: a token exit deeper than 0.
        """
        if any((token_exits or {}).values()):
            raise ConfigError(f"a target of patch embeddings alone has no depth, but token exits are {token_exits}.")
        seen = visible(self.patch_embeddings, batch, patch_size)
        return seen.encoded(seen.tokens)


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
