"""An encoder that pools early: after some blocks, tokens of one place or date become one, and the rest runs on those.

Experimental, and nothing was released with it; spec/model.md 10.2. Its decoder is olmoearth.pooled_modality_predictor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.model import EncoderRecipe
from olmoearth_plugins.blocks.attention_pool import AttentionPool, check_pool
from olmoearth_plugins.blocks.pooled_grid import check_dims
from olmoearth_plugins.encoders.around import AroundFlexiViT, inner_encoder
from olmoearth_plugins.encoders.early_pool_encoder import EarlyPoolEncoder
from olmoearth_plugins.encoders.encoder import Encoder


def early_attention_pool(
    *,
    encoder_config: EncoderRecipe,
    dims_to_pool: str = "modality",
    num_pre_modality_pooling_layers: int = 0,
    pooling_attn_dim: int | None = None,
    num_attn_pool_heads: int | None = None,
    num_queries: int = 1,
    use_mlp: bool = False,
    attn_pool_mlp_ratio: float | None = None,
) -> EncoderRecipe:
    """Describe an encoder; nothing is allocated before `build`.

    encoder_config: olmoearth.flexi_vit.v1, which says all that is not said here.
    dims_to_pool: modality (band groups of all modalities) | temporal | spatial | modality_temporal | all.
    num_pre_modality_pooling_layers: blocks that run on all tokens, before pooling; the others run on pooled tokens.
    pooling_attn_dim: width of queries, keys and values of the pooling; null = the encoder's.
    num_attn_pool_heads: its heads; null = one per 64 features. num_queries: learned questions, mixed by a gate.
    use_mlp: an MLP and a norm behind it. attn_pool_mlp_ratio: its hidden width in units of the width; null = 1.

    Raises:
        ConfigError: options that contradict each other.
    """
    inner = inner_encoder(encoder_config, EarlyAttentionPool.called)
    check_pool(pooling_attn_dim or inner.trunk.width, num_attn_pool_heads, num_queries, attn_pool_mlp_ratio)
    return EarlyAttentionPool(
        encoder=inner,
        dims_to_pool=check_dims(dims_to_pool),
        num_pre_modality_pooling_layers=num_pre_modality_pooling_layers,
        pooling_attn_dim=pooling_attn_dim,
        num_attn_pool_heads=num_attn_pool_heads,
        num_queries=num_queries,
        use_mlp=use_mlp,
        attn_pool_mlp_ratio=attn_pool_mlp_ratio,
    )


@dataclass(kw_only=True)
class EarlyAttentionPool(AroundFlexiViT):
    """A checked encoder recipe; fields as the factory documents them."""

    called: ClassVar[str] = "early_attention_pool"
    refused: ClassVar[tuple[str, ...]] = ("output_embedding_size", "legacy_eval_padding", "attention_pooler")

    dims_to_pool: str
    num_pre_modality_pooling_layers: int
    pooling_attn_dim: int | None
    num_attn_pool_heads: int | None
    num_queries: int
    use_mlp: bool
    attn_pool_mlp_ratio: float | None

    def __post_init__(self) -> None:
        super().__post_init__()
        depth, before = self.encoder.trunk.depth, self.num_pre_modality_pooling_layers
        if not 0 <= before <= depth:
            raise ConfigError(
                f"encoder_config: num_pre_modality_pooling_layers is {before}, but the encoder has {depth} blocks."
            )

    def build(self, specs: Sequence[ModalitySpec], tokenization: Tokenization) -> nn.Module:
        """Allocate the encoder on the current default device.

        Raises:
            ConfigError: no modality has both places and dates.
        """
        if all(spec.kind != "space_time" for spec in specs):
            raise ConfigError(
                f"early_attention_pool needs a modality with places and dates, but the training modalities are "
                f"{', '.join(spec.name for spec in specs)}."
            )
        encoder = self.encoder.build(specs, tokenization)
        assert isinstance(encoder, Encoder)
        pool = AttentionPool(
            self.encoder.trunk.width,
            attention_width=self.pooling_attn_dim,
            heads=self.num_attn_pool_heads,
            num_queries=self.num_queries,
            mlp_ratio=self.attn_pool_mlp_ratio,
            use_mlp=self.use_mlp,
        )
        return EarlyPoolEncoder(encoder, pool, dims=self.dims_to_pool, before=self.num_pre_modality_pooling_layers)
