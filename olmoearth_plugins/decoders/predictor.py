"""The OlmoEarth decoder: mask tokens ask the visible tokens of their sample what is hidden.

Queries do not see each other; the context is embedded once and stays constant over depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.model import DecoderRecipe, EncoderRecipe
from olmoearth_core.interfaces.parts import Attend, PositionEncoding
from olmoearth_plugins.attentions.sdpa import sdpa
from olmoearth_plugins.blocks.composite import CompositeEncodings
from olmoearth_plugins.blocks.initialise import xavier
from olmoearth_plugins.blocks.trunk import Trunk
from olmoearth_plugins.decoders.decoder import Decoder


def predictor(
    *,
    encoder_embedding_size: int | None = None,
    decoder_embedding_size: int | None = None,
    output_embedding_size: int | None = None,
    num_heads: int | None = None,
    depth: int = 2,
    mlp_ratio: float = 1.0,
    drop_path: float = 0.0,
    qk_norm: bool = False,
    learnable_channel_embeddings: bool = True,
    random_channel_embeddings: bool = False,
    position_encoding: PositionEncoding | None = None,
    attention: Attend | None = None,
    use_attention_pooler: bool = False,
    pooler_dim: int | None = None,
) -> DecoderRecipe:
    """Describe a decoder; nothing is allocated before `build`.

    encoder_embedding_size, output_embedding_size: width of the tokens that come in and of the predictions.
    decoder_embedding_size, num_heads: width and heads of the decoder. Null = the encoder's, for all four.
    depth, mlp_ratio, drop_path, qk_norm: as of the encoder.
    learnable_channel_embeddings, random_channel_embeddings: as of the encoder; the decoder has its own.
    position_encoding: null = the encoder's. attention: the attention kernel; null = olmoearth.sdpa.v1.
    use_attention_pooler: ask the places of the encoder's attention pooler instead of its visible tokens; needs a
        position encoding of rows and columns alone. pooler_dim: width of those; null = the pooler's.

    Raises:
        ConfigError: options that contradict each other.
    """
    return Predictor(
        encoder_width=encoder_embedding_size,
        width=decoder_embedding_size,
        output_width=output_embedding_size,
        heads=num_heads,
        depth=depth,
        mlp_ratio=mlp_ratio,
        drop_path=drop_path,
        qk_norm=qk_norm,
        positions=position_encoding,
        attend=sdpa() if attention is None else attention,
        learnable_channels=learnable_channel_embeddings,
        random_channels=random_channel_embeddings,
        asks_places=use_attention_pooler,
        places_width=pooler_dim,
    )


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A decoder recipe; fields as the factory documents them."""

    encoder_width: int | None
    width: int | None
    output_width: int | None
    heads: int | None
    depth: int
    mlp_ratio: float
    drop_path: float
    qk_norm: bool
    positions: PositionEncoding | None
    attend: Attend
    learnable_channels: bool
    random_channels: bool
    asks_places: bool
    places_width: int | None

    def trunk(self, encoder: EncoderRecipe) -> Trunk:
        """Return the stack of blocks, widths taken from the encoder where they were left out.

        Raises:
            ConfigError: the encoder has another width than announced, or no heads to take over.
        """
        if self.encoder_width not in (None, encoder.embedding_size):
            raise ConfigError(
                f"decoder_config: encoder_embedding_size is {self.encoder_width}, but the encoder's tokens have width "
                f"{encoder.embedding_size}. Leave it out."
            )
        heads = self.heads if self.heads is not None else getattr(encoder, "num_heads", None)
        if not isinstance(heads, int):
            raise ConfigError("decoder_config: num_heads was left out, and the encoder does not say how many it has.")
        positions = self.positions or getattr(encoder, "position_encoding", None)
        if positions is None:
            raise ConfigError("decoder_config: position_encoding was left out, and the encoder does not say its own.")
        trunk = Trunk(
            width=self.width or encoder.embedding_size,
            heads=heads,
            depth=self.depth,
            mlp_ratio=self.mlp_ratio,
            drop_path=self.drop_path,
            qk_norm=self.qk_norm,
            positions=positions,
            attend=self.attend,
        )
        trunk.check("decoder_config")
        return trunk

    def pooler_width(self, encoder: EncoderRecipe, trunk: Trunk) -> int:
        """Return the width of the places that the decoder asks.

        Raises:
            ConfigError: the encoder has no attention pooler or one of another width, or the decoder's positions are not
                those of places.
        """
        width = getattr(getattr(encoder, "attention_pooler", None), "pooler_dim", None)
        if not isinstance(width, int) or self.places_width not in (None, width):
            found = "none" if width is None else f"one of width {width}"
            raise ConfigError(
                f"decoder_config: use_attention_pooler with pooler_dim {self.places_width} needs an encoder with such "
                f"an attention_pooler, but it has {found}."
            )
        if trunk.positions.rotates and trunk.positions.coordinates(*torch.zeros(3, 1)).shape[-1] != 2:
            raise ConfigError(
                "decoder_config: with use_attention_pooler the position_encoding must rotate by row and column alone, "
                "because the pooler's places have no time. Use olmoearth.rope.v1."
            )
        return width

    def build(
        self,
        specs: Sequence[ModalitySpec],
        tokenization: Tokenization,
        encoder: EncoderRecipe,
        kind: type[Decoder] = Decoder,
    ) -> nn.Module:
        """Allocate the decoder on the current default device; kind: a decoder of the same parts."""
        trunk = self.trunk(encoder)
        encodings = CompositeEncodings(
            specs,
            tokenization,
            trunk.width,
            trunk.positions,
            learnable_channels=self.learnable_channels,
            random_channels=self.random_channels,
        )
        width_in, width_out = encoder.embedding_size, self.output_width or encoder.embedding_size
        decoder = kind(specs, tokenization, trunk, width_in, width_out, encodings)
        if self.asks_places:
            decoder.ask_places(self.pooler_width(encoder, trunk))
        xavier(decoder)
        return decoder


def inner_predictor(decoder_config: DecoderRecipe, called: str) -> Predictor:
    """Return the predictor that a component is built around.

    Raises:
        ConfigError: it is another decoder, or one that asks the places of an attention pooler.
    """
    if not isinstance(decoder_config, Predictor):
        raise ConfigError(
            f"decoder_config: {called} is built like olmoearth.predictor, but its own decoder_config is a "
            f"{type(decoder_config).__name__}. Name that decoder there."
        )
    if decoder_config.asks_places:
        raise ConfigError(
            f"decoder_config: {called} has a context of its own, so its own decoder_config cannot have "
            "use_attention_pooler. Leave it out."
        )
    return decoder_config
