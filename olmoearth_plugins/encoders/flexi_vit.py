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
from olmoearth_plugins.blocks.band_dropout import BandDropout
from olmoearth_plugins.blocks.composite import CompositeEncodings
from olmoearth_plugins.blocks.initialise import xavier
from olmoearth_plugins.blocks.patch_embedding import PatchEmbedding
from olmoearth_plugins.blocks.patch_projection import ConvPatchProjection, PatchProjection
from olmoearth_plugins.blocks.pooling import ProjectAndAggregate
from olmoearth_plugins.blocks.positions import Positions
from olmoearth_plugins.blocks.trunk import Trunk
from olmoearth_plugins.encoders.encoder import Encoder


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
    use_linear_patch_embed: bool = True,
    patch_embed_hidden_sizes: list[int] | None = None,
    post_proj_hidden_sizes: list[int] | None = None,
    frozen_patch_embeddings: bool = False,
    band_dropout_rate: float = 0.0,
    random_band_dropout: bool = False,
    band_dropout_modalities: list[str] | None = None,
    learnable_channel_embeddings: bool = True,
    random_channel_embeddings: bool = False,
    num_projection_layers: int = 1,
    aggregate_then_project: bool = True,
    position_encoding: str = "absolute",
    rope_base: float = 10000.0,
    rope_coordinate_scale: float = 1.0,
    rope_mixed_base: float = 10.0,
    temporal_rope_dim_frac: float = 0.25,
    rope_temporal_base: float | None = None,
    rope_temporal_coordinate_scale: float = 1.0,
) -> EncoderRecipe:
    """Describe an encoder; nothing is allocated before `build`.

    embedding_size: width of tokens. num_heads: attention heads; they share the width. depth: number of blocks.
    mlp_ratio: hidden width of each MLP in units of the width.
    min_patch_size, max_patch_size: pixels of the 10 m grid along a patch; weights are made for the largest.
    drop_path: share of samples that skip a residual branch in training. qk_norm: normalise queries and keys.
    use_linear_patch_embed: false = keep patch projections as convolutions (v1 weights).
    patch_embed_hidden_sizes: widths of an MLP on each pixel before the projection, null = none.
    post_proj_hidden_sizes: widths of an MLP on each token after it; the last must be the width.
    frozen_patch_embeddings: do not train the projections.
    band_dropout_rate: probability of hiding a band of a sample in training; with random_band_dropout the upper
        end of a uniform draw. band_dropout_modalities: where; null = everywhere.
    learnable_channel_embeddings: train the part of the encodings that names the band group;
        random_channel_embeddings: start it at random instead of at zero.
    num_projection_layers: layers of the head behind the pooled vector; aggregate_then_project: average first.
    position_encoding: absolute | rope | rope_mixed | rope_3d | rope_3d_mixed | none.
    rope_base, rope_mixed_base, rope_temporal_base: bases of axial, learned and (null = rope_base) time frequencies.
    rope_coordinate_scale: units per 10 m; rope_temporal_coordinate_scale: units per day (1/30: about months).
    temporal_rope_dim_frac: share of a head's features that axial 3-D rotation gives to time.

    Raises:
        ConfigError: options that contradict each other.
    """
    positions = Positions(
        position_encoding=position_encoding,
        rope_base=rope_base,
        rope_coordinate_scale=rope_coordinate_scale,
        rope_mixed_base=rope_mixed_base,
        temporal_rope_dim_frac=temporal_rope_dim_frac,
        rope_temporal_base=rope_temporal_base,
        rope_temporal_coordinate_scale=rope_temporal_coordinate_scale,
    )
    trunk = Trunk(
        width=embedding_size,
        heads=num_heads,
        depth=depth,
        mlp_ratio=mlp_ratio,
        drop_path=drop_path,
        qk_norm=qk_norm,
        positions=positions,
    )
    return FlexiViT(
        trunk=trunk,
        min_patch_size=min_patch_size,
        max_patch_size=max_patch_size,
        use_linear_patch_embed=use_linear_patch_embed,
        pixel_hidden=tuple(patch_embed_hidden_sizes or ()),
        post_hidden=tuple(post_proj_hidden_sizes or ()),
        frozen_patch_embeddings=frozen_patch_embeddings,
        band_dropout_rate=band_dropout_rate,
        random_band_dropout=random_band_dropout,
        band_dropout_modalities=None if band_dropout_modalities is None else tuple(band_dropout_modalities),
        learnable_channel_embeddings=learnable_channel_embeddings,
        random_channel_embeddings=random_channel_embeddings,
        num_projection_layers=num_projection_layers,
        aggregate_then_project=aggregate_then_project,
    )


@dataclass(kw_only=True)
class FlexiViT:
    """A checked encoder recipe; fields as the factory documents them."""

    trunk: Trunk
    min_patch_size: int
    max_patch_size: int
    use_linear_patch_embed: bool
    pixel_hidden: tuple[int, ...]
    post_hidden: tuple[int, ...]
    frozen_patch_embeddings: bool
    band_dropout_rate: float
    random_band_dropout: bool
    band_dropout_modalities: tuple[str, ...] | None
    learnable_channel_embeddings: bool
    random_channel_embeddings: bool
    num_projection_layers: int
    aggregate_then_project: bool
    embedding_size: int = field(init=False)

    def __post_init__(self) -> None:
        self.embedding_size = self.trunk.width
        self.trunk.check("encoder_config")
        if not 1 <= self.min_patch_size <= self.max_patch_size:
            raise ConfigError(
                f"encoder_config: min_patch_size {self.min_patch_size} and max_patch_size {self.max_patch_size} "
                f"must be at least 1 and in this order."
            )
        if self.pixel_hidden and not self.use_linear_patch_embed:
            raise ConfigError("encoder_config: patch_embed_hidden_sizes needs use_linear_patch_embed = true.")
        if self.post_hidden and (self.post_hidden[-1] != self.embedding_size or not self.use_linear_patch_embed):
            raise ConfigError(
                f"encoder_config: post_proj_hidden_sizes {list(self.post_hidden)} must end with the embedding_size "
                f"{self.embedding_size}, and needs use_linear_patch_embed = true."
            )
        if not 0 <= self.band_dropout_rate <= 1 or self.num_projection_layers < 1:
            raise ConfigError(
                f"encoder_config: band_dropout_rate {self.band_dropout_rate} must lie in [0, 1] and "
                f"num_projection_layers {self.num_projection_layers} must be at least 1."
            )

    @property
    def num_heads(self) -> int:
        """Attention heads, which a decoder may take over."""
        return self.trunk.heads

    def build(self, specs: Sequence[ModalitySpec], tokenization: Tokenization) -> nn.Module:
        """Allocate the encoder on the current default device."""
        dropout = BandDropout(
            self.band_dropout_rate, random_rate=self.random_band_dropout, modalities=self.band_dropout_modalities
        )
        patches = PatchEmbedding(
            specs,
            tokenization,
            width=self.embedding_size,
            patch_sizes=(self.min_patch_size, self.max_patch_size),
            linear_patches=self.use_linear_patch_embed,
            pixel_hidden=self.pixel_hidden,
            post_hidden=self.post_hidden,
            band_dropout=dropout,
        )
        encodings = CompositeEncodings(
            specs,
            tokenization,
            self.embedding_size,
            self.trunk.positions,
            learnable_channels=self.learnable_channel_embeddings,
            random_channels=self.random_channel_embeddings,
        )
        head = ProjectAndAggregate(
            self.embedding_size, self.num_projection_layers, aggregate_first=self.aggregate_then_project
        )
        encoder = Encoder(self.trunk, patches, encodings, head)
        xavier(encoder, skip=(PatchProjection, ConvPatchProjection))
        patches.requires_grad_(not self.frozen_patch_embeddings)
        return encoder
