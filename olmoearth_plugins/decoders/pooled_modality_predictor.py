"""The decoder of early pooling: mask tokens of the full grid ask the pooled tokens of their sample.

Experimental, and nothing was released with it; spec/model.md 10.2. Queries, weights and names are those of
olmoearth.predictor.
"""

# B samples, K = B L pooled tokens, L of a sample, D width
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from olmoearth_core.data.sample import ViewCounts
from olmoearth_core.data.tokens import ENCODE, Tokenization
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.loss import Tokens
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.model import DecoderRecipe, Encoded, EncoderRecipe
from olmoearth_plugins.blocks.pooled_grid import PooledGrid, Shown, check_dims
from olmoearth_plugins.decoders.decoder import Decoder, Scene, Source
from olmoearth_plugins.decoders.predictor import Predictor, inner_predictor

ENCODED_AGAIN = ("modality", "modality_temporal")
"""Poolings whose tokens can be told where they are; the reference has no encodings for the others."""


def pooled_modality_predictor(
    *, decoder_config: DecoderRecipe, include_encoder_encodings: bool = True, dims_to_pool: str | None = None
) -> DecoderRecipe:
    """Describe a decoder; nothing is allocated before `build`.

    decoder_config: olmoearth.predictor.v1, which says all that is not said here.
    include_encoder_encodings: tell pooled tokens anew where and when they are; works for dims_to_pool modality and
        modality_temporal. dims_to_pool: null = the encoder's.

    Raises:
        ConfigError: options that contradict each other.
    """
    inner = inner_predictor(decoder_config, "pooled_modality_predictor")
    recipe = PooledModalityPredictor(inner, include_encoder_encodings, dims_to_pool)
    if dims_to_pool is not None:
        recipe.check(check_dims(dims_to_pool))
    return recipe


@dataclass(frozen=True)
class PooledModalityPredictor:
    """A decoder recipe; fields as the factory documents them."""

    predictor: Predictor
    include_encoder_encodings: bool
    dims_to_pool: str | None

    def check(self, dims: str) -> None:
        """Refuse a pooling that this decoder cannot read.

        Raises:
            ConfigError: naming those it can.
        """
        if self.include_encoder_encodings and dims not in ENCODED_AGAIN:
            raise ConfigError(
                f"decoder_config: pooled_modality_predictor has no encodings for dims_to_pool {dims!r}, only for "
                f"{' and '.join(ENCODED_AGAIN)}. Set include_encoder_encodings = false."
            )

    def build(self, specs: Sequence[ModalitySpec], tokenization: Tokenization, encoder: EncoderRecipe) -> nn.Module:
        """Allocate the decoder on the current default device.

        Raises:
            ConfigError: an encoder that does not pool, or pools otherwise.
        """
        dims = getattr(encoder, "dims_to_pool", None)
        if dims is None or self.dims_to_pool not in (None, dims):
            raise ConfigError(
                f"decoder_config: pooled_modality_predictor expects an encoder with dims_to_pool "
                f"{self.dims_to_pool or 'set'}, but this one is a {type(encoder).__name__} with {dims}. Use "
                f"olmoearth.early_attention_pool as the encoder, with the same dims_to_pool."
            )
        self.check(dims)
        decoder = self.predictor.build(specs, tokenization, encoder, PooledDecoder)
        assert isinstance(decoder, PooledDecoder)
        decoder.dims, decoder.include_encoder_encodings = dims, self.include_encoder_encodings
        return decoder


class PooledDecoder(Decoder):
    """A decoder whose context is what an encoder pooled; visible tokens of the grid itself are not looked at."""

    dims: str
    include_encoder_encodings: bool

    def _source(self, encoded: Tokens, counts: ViewCounts, scene: Scene) -> Source:
        """Embed the pooled tokens.

        Raises:
            DataError: an encoder that did not pool made the tokens.
        """
        pooled, masks = _extras(encoded)
        samples = len(pooled)
        grid = PooledGrid(scene.layout, self.dims, counts)
        at = grid.everywhere(samples, pooled.device)
        tokens_KD: Tensor = self.encoder_to_decoder_embed(self.input_norm(pooled.flatten(0, -2)))
        there = Scene(self, grid.layout, scene.timestamps, scene.patch_size, scene.input_res)
        if self.include_encoder_encodings:
            tokens_KD = tokens_KD + there.encodings(at, channels=False)
        shown = None if grid.whole else masks.flatten(1) == ENCODE
        return Source(tokens_KD, Shown(samples, grid.length, pooled.device, shown), there.turns(at), None)


def _extras(encoded: Tokens) -> tuple[Tensor, Tensor]:
    extras = encoded.extras if isinstance(encoded, Encoded) else {}
    if "pooled_tokens" not in extras or "pooled_masks" not in extras:
        raise DataError(
            f"pooled_modality_predictor reads pooled_tokens and pooled_masks from the encoder's extras, which hold "
            f"{sorted(extras)}. Hand it what an early pooling encoder returned."
        )
    return extras["pooled_tokens"], extras["pooled_masks"]
