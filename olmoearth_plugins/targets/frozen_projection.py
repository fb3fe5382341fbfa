"""The patch embeddings of the fresh encoder alone: the same targets at token exit 0 for less memory."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from olmoearth_core.data.sample import Batch
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.model import Encoded
from olmoearth_core.interfaces.parts import TargetRecipe
from olmoearth_plugins.blocks.patch_embedding import PatchEmbedding
from olmoearth_plugins.blocks.visible import visible


def frozen_projection() -> TargetRecipe:
    """Copy just the patch embeddings: no moving average, no deeper exits, fewer keys than v1 to v1.2 checkpoints."""
    return FrozenProjection()


@dataclass(frozen=True)
class FrozenProjection:
    """The recipe."""

    def build(self, encoder: nn.Module) -> nn.Module:
        """Return the copy without gradients."""
        return FrozenTargetProjection(encoder).requires_grad_(False)


class FrozenTargetProjection(nn.Module):
    """The patch embeddings of an encoder (and its output projection, if any), and nothing else of it."""

    def __init__(self, encoder: nn.Module) -> None:
        """encoder: copied from, not kept.

        Raises:
            ConfigError: the encoder has no such part.
        """
        super().__init__()
        embedding = getattr(encoder, "patch_embeddings", None)
        if not isinstance(embedding, PatchEmbedding):
            raise ConfigError(
                f"the target olmoearth.frozen_projection needs an encoder with patch embeddings like those of "
                f"olmoearth.flexi_vit, but this one is a {type(encoder).__name__}. Use olmoearth.frozen_encoder.v1."
            )
        self.patch_embeddings = copy.deepcopy(embedding)
        self.embedding_projector = copy.deepcopy(getattr(encoder, "embedding_projector", None))

    def forward(self, batch: Batch, patch_size: int = 4, token_exits: Mapping[str, int] | None = None) -> Encoded:
        """Embed the visible patches.

        Raises:
            ConfigError: a token exit deeper than 0.
        """
        if any((token_exits or {}).values()):
            raise ConfigError(f"a target of patch embeddings alone has no depth, but token exits are {token_exits}.")
        seen = visible(self.patch_embeddings, batch, patch_size)
        return seen.encoded(seen.tokens if self.embedding_projector is None else self.embedding_projector(seen.tokens))
