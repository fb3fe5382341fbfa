"""The OlmoEarth encoder: a transformer over the visible tokens of all modalities and time steps at once.

A patch may have any size up to `max_patch_size`; pixels are resized, weights are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import nn

from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.model import EncoderRecipe
from olmoearth_core.interfaces.parts import Attend, PatchEmbeddingRecipe, PoolerRecipe, PositionEncoding
from olmoearth_plugins.attentions.sdpa import sdpa
from olmoearth_plugins.blocks.band_dropout import BandDropout
from olmoearth_plugins.blocks.composite import CompositeEncodings
from olmoearth_plugins.blocks.initialise import xavier
from olmoearth_plugins.blocks.patch_embedding import PatchEmbedding
from olmoearth_plugins.blocks.pooling import ProjectAndAggregate
from olmoearth_plugins.blocks.trunk import Trunk
from olmoearth_plugins.encoders.encoder import Encoder
from olmoearth_plugins.patch_embeddings.linear_patches import linear_patches
from olmoearth_plugins.position_encodings.absolute import absolute


def flexi_vit(
    *,
    embedding_size: int = 16,
    num_heads: int = 2,
    depth: int = 2,
    mlp_ratio: float = 1.0,
    min_patch_size: int = 1,
    max_patch_size: int = 8,
    drop_path: float = 0.1,
    qk_norm: bool = False,
    num_register_tokens: int = 0,
    output_embedding_size: int | None = None,
    patch_embedding: PatchEmbeddingRecipe | None = None,
    position_encoding: PositionEncoding | None = None,
    attention: Attend | None = None,
    attention_pooler: PoolerRecipe | None = None,
    frozen_patch_embeddings: bool = False,
    band_dropout_rate: float = 0.0,
    random_band_dropout: bool = False,
    band_dropout_modalities: list[str] | None = None,
    learnable_channel_embeddings: bool = True,
    random_channel_embeddings: bool = False,
    num_projection_layers: int = 1,
    aggregate_then_project: bool = True,
    legacy_eval_padding: bool = False,
) -> EncoderRecipe:
    """Describe an encoder; nothing is allocated before `build`.

    embedding_size: width of tokens. num_heads: attention heads; they share the width. depth: number of blocks.
    mlp_ratio: hidden width of each MLP in units of the width.
    min_patch_size, max_patch_size: pixels of the 10 m grid along a patch; weights are made for the largest.
    drop_path: share of samples that skip a residual branch in training. qk_norm: normalise queries and keys.
    num_register_tokens: learned tokens that attend along and are dropped at the end (Darcet et al. 2024).
    output_embedding_size: project all tokens that come out to this width; null = no projection.
    patch_embedding: from pixels to a token; null = olmoearth.linear_patches.v1.
    position_encoding: null = olmoearth.absolute.v1. attention: its kernel; null = olmoearth.sdpa.v1.
    attention_pooler: one feature per place on top of the tokens, as in v1.3; null = none.
    frozen_patch_embeddings: do not train the projections.
    band_dropout_rate: probability of hiding a band of a sample in training; with random_band_dropout the upper
        end of a uniform draw. band_dropout_modalities: where; null = everywhere.
    learnable_channel_embeddings: train the part of the encodings that names the band group;
        random_channel_embeddings: start it at random instead of at zero.
    num_projection_layers: layers of the head behind the pooled vector; aggregate_then_project: average first.
    legacy_eval_padding: in evaluation let short samples attend to zero padding, as the reference does; their
        embeddings then depend on their batch mates. For comparison with its numbers only.

    Raises:
        ConfigError: options that contradict each other.
    """
    trunk = Trunk(
        width=embedding_size,
        heads=num_heads,
        depth=depth,
        mlp_ratio=mlp_ratio,
        drop_path=drop_path,
        qk_norm=qk_norm,
        positions=absolute() if position_encoding is None else position_encoding,
        attend=sdpa() if attention is None else attention,
    )
    return FlexiViT(
        trunk=trunk,
        patch_sizes=(min_patch_size, max_patch_size),
        num_register_tokens=num_register_tokens,
        output_embedding_size=output_embedding_size,
        patch_embedding=linear_patches() if patch_embedding is None else patch_embedding,
        attention_pooler=attention_pooler,
        frozen_patch_embeddings=frozen_patch_embeddings,
        band_dropout_rate=band_dropout_rate,
        random_band_dropout=random_band_dropout,
        band_dropout_modalities=None if band_dropout_modalities is None else tuple(band_dropout_modalities),
        learnable_channel_embeddings=learnable_channel_embeddings,
        random_channel_embeddings=random_channel_embeddings,
        num_projection_layers=num_projection_layers,
        aggregate_then_project=aggregate_then_project,
        legacy_eval_padding=legacy_eval_padding,
    )


@dataclass(kw_only=True)
class FlexiViT:
    """A checked encoder recipe; fields as the factory documents them. embedding_size: width of what comes out."""

    trunk: Trunk
    patch_sizes: tuple[int, int]
    num_register_tokens: int
    output_embedding_size: int | None
    patch_embedding: PatchEmbeddingRecipe
    attention_pooler: PoolerRecipe | None
    frozen_patch_embeddings: bool
    band_dropout_rate: float
    random_band_dropout: bool
    band_dropout_modalities: tuple[str, ...] | None
    learnable_channel_embeddings: bool
    random_channel_embeddings: bool
    num_projection_layers: int
    aggregate_then_project: bool
    legacy_eval_padding: bool
    embedding_size: int = field(init=False)

    def __post_init__(self) -> None:
        self.embedding_size = self.output_embedding_size or self.trunk.width
        self.trunk.check("encoder_config")
        self.patch_embedding.check(self.trunk.width)
        if self.attention_pooler is not None:
            self.attention_pooler.check(self.trunk)
        low, high = self.patch_sizes
        if not 1 <= low <= high:
            raise ConfigError(
                f"encoder_config: min_patch_size {low} and max_patch_size {high} must be at least 1 and in this order."
            )
        if not 0 <= self.band_dropout_rate <= 1 or self.num_projection_layers < 1 or self.num_register_tokens < 0:
            raise ConfigError(
                f"encoder_config: band_dropout_rate {self.band_dropout_rate} must lie in [0, 1], "
                f"num_projection_layers {self.num_projection_layers} must be at least 1, "
                f"num_register_tokens {self.num_register_tokens} at least 0."
            )

    @property
    def num_heads(self) -> int:
        """Attention heads, which a decoder may take over."""
        return self.trunk.heads

    @property
    def position_encoding(self) -> PositionEncoding:
        """Position encoding, which a decoder may take over."""
        return self.trunk.positions

    def build(self, specs: Sequence[ModalitySpec], tokenization: Tokenization) -> nn.Module:
        """Allocate the encoder on the current default device."""
        dropout = BandDropout(
            self.band_dropout_rate, random_rate=self.random_band_dropout, modalities=self.band_dropout_modalities
        )
        patches = PatchEmbedding(
            specs,
            tokenization,
            width=self.trunk.width,
            patch_sizes=self.patch_sizes,
            projection=self.patch_embedding,
            band_dropout=dropout,
        )
        encodings = CompositeEncodings(
            specs,
            tokenization,
            self.trunk.width,
            self.trunk.positions,
            learnable_channels=self.learnable_channel_embeddings,
            random_channels=self.random_channel_embeddings,
        )
        pooler = self.attention_pooler
        head = ProjectAndAggregate(
            pooler.pooler_dim if pooler else self.embedding_size,
            self.num_projection_layers,
            aggregate_first=self.aggregate_then_project,
        )
        encoder = Encoder(self.trunk, patches, encodings, head, self.legacy_eval_padding)
        encoder.add_registers(self.num_register_tokens)
        encoder.add_projector(self.output_embedding_size)
        encoder.attention_pooler = None if pooler is None else pooler.build(self.trunk)
        xavier(encoder, skip=(PatchEmbedding,))
        patches.requires_grad_(not self.frozen_patch_embeddings)
        return encoder
