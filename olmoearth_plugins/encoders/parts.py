"""What encoders of this family are made of, whatever they let attend to what."""

# M packed tokens, D width
from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from olmoearth_core.data.sample import Batch
from olmoearth_core.interfaces.parts import PositionEncoding
from olmoearth_plugins.blocks.composite import CompositeEncodings
from olmoearth_plugins.blocks.exits import depths
from olmoearth_plugins.blocks.patch_embedding import PatchEmbedding
from olmoearth_plugins.blocks.pooling import ProjectAndAggregate
from olmoearth_plugins.blocks.visible import Visible, visible


class EncoderParts(nn.Module):
    """Patch embeddings, encodings, blocks, norm and pooling head.

    input_modalities: if set, only these are encoded; the others count as hidden (released models saw no maps).
    """

    positions: PositionEncoding
    patch_embeddings: PatchEmbedding
    composite_encodings: CompositeEncodings
    blocks: nn.ModuleList
    norm: nn.LayerNorm
    project_and_aggregate: ProjectAndAggregate
    embedding_projector: nn.Module | None
    register_tokens: nn.Parameter | None
    input_modalities: tuple[str, ...] | None

    def take_over(self, other: EncoderParts) -> None:
        """Make the parts of another encoder this one's."""
        self.positions, self.input_modalities = other.positions, other.input_modalities
        self.patch_embeddings = other.patch_embeddings
        self.composite_encodings = other.composite_encodings
        self.blocks, self.norm = other.blocks, other.norm
        self.project_and_aggregate = other.project_and_aggregate
        self.embedding_projector = other.embedding_projector
        self.register_tokens = other.register_tokens

    def enable_band_dropout(self) -> None:
        """Let band dropout act from now on, in training mode."""
        self.patch_embeddings.band_dropout.active = True

    def see(self, batch: Batch, patch_size: int) -> Visible:
        """Embed the visible patches of the modalities that may be seen."""
        return visible(self.patch_embeddings, batch, patch_size, self.input_modalities)

    def leaving(self, token_exits: Mapping[str, int] | None, names: Sequence[str]) -> list[int]:
        """Return after how many blocks each modality leaves; all of them without exits."""
        depth = len(self.blocks)
        return [depth] * len(names) if token_exits is None else depths(token_exits, names, depth)

    def project(self, tokens_MD: Tensor) -> Tensor:
        """Bring tokens to the width in which they come out."""
        return tokens_MD if self.embedding_projector is None else self.embedding_projector(tokens_MD)
