"""An encoder that factorises space and time: each block attends within dates, within patches, or within windows.

Experimental, and nothing was released with it; spec/model.md 10.1. Its decoder is olmoearth.space_time_predictor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.model import EncoderRecipe
from olmoearth_plugins.blocks.attention_modes import Schedule, schedule
from olmoearth_plugins.blocks.initialise import xavier
from olmoearth_plugins.encoders.around import AroundFlexiViT, inner_encoder
from olmoearth_plugins.encoders.encoder import Encoder
from olmoearth_plugins.encoders.space_time_encoder import SpaceTimeEncoder


def space_time(
    *,
    encoder_config: EncoderRecipe,
    layer_attention_modes: list[str] | None = None,
    windowed_attention_size: int | None = None,
    fuse_layers: int | None = None,
    fuse_using_cross_attn: bool = True,
) -> EncoderRecipe:
    """Describe an encoder; nothing is allocated before `build`.

    encoder_config: olmoearth.flexi_vit.v1, which says all that is not said here. Its drop_path is the share of groups,
        not of samples, that skip a branch.
    layer_attention_modes: who attends to whom, one per block: full (all tokens of a sample) | spatial (patches of one
        modality, date and band group) | temporal (all that lies in one patch) | windowed (all that lies in a square of
        patches; the squares of every other block are moved by half a side). Null = temporal and spatial take turns.
        Tokens without a place (time series, static vectors) take part in every patch or square and are averaged.
    windowed_attention_size: patches along a square; without layer_attention_modes all blocks are windowed.
    fuse_layers: spatial blocks, this many full blocks, and a temporal one that makes all tokens of a patch equal.
    fuse_using_cross_attn: they become what a learned token answers that attends to them; false = the first of them.

    Raises:
        ConfigError: options that contradict each other.
    """
    inner = inner_encoder(encoder_config, SpaceTime.called)
    found = schedule(
        "encoder_config",
        inner.trunk.depth,
        modes=layer_attention_modes,
        window=windowed_attention_size,
        fuse_layers=fuse_layers,
    )
    return SpaceTime(encoder=inner, schedule=found, asks=fuse_using_cross_attn)


@dataclass(kw_only=True)
class SpaceTime(AroundFlexiViT):
    """A checked encoder recipe. asks: whether fusing is done by a learned token."""

    called: ClassVar[str] = "space_time"
    refused: ClassVar[tuple[str, ...]] = ("num_register_tokens", "legacy_eval_padding", "attention_pooler")

    schedule: Schedule
    asks: bool

    def build(self, specs: Sequence[ModalitySpec], tokenization: Tokenization) -> nn.Module:
        """Allocate the encoder on the current default device; patch projections start like all linear layers here."""
        encoder = self.encoder.build(specs, tokenization)
        assert isinstance(encoder, Encoder)
        xavier(encoder.patch_embeddings)
        return SpaceTimeEncoder(encoder, self.schedule, asks=self.asks)
