"""The decoder of the space-time encoder: mask tokens ask the visible tokens of their group what is hidden.

Experimental, and nothing was released with it; spec/model.md 10.1. Weights and names are those of olmoearth.predictor.
A mask token whose group shows nothing gets no answer from that block and is left to the others.
"""

# M packed queries, K packed context tokens, D width
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.model import DecoderRecipe, EncoderRecipe
from olmoearth_plugins.blocks.attention import Context
from olmoearth_plugins.blocks.attention_modes import Schedule, schedule
from olmoearth_plugins.blocks.block import Block
from olmoearth_plugins.blocks.packing import Packing
from olmoearth_plugins.blocks.positions import Turns
from olmoearth_plugins.blocks.regroup import Regroup
from olmoearth_plugins.decoders.decoder import Decoder, Source
from olmoearth_plugins.decoders.predictor import Predictor, inner_predictor


def space_time_predictor(
    *,
    decoder_config: DecoderRecipe,
    layer_attention_modes: list[str] | None = None,
    windowed_attention_size: int | None = None,
) -> DecoderRecipe:
    """Describe a decoder; nothing is allocated before `build`.

    decoder_config: olmoearth.predictor.v1, which says all that is not said here.
    layer_attention_modes, windowed_attention_size: as of olmoearth.space_time.v1; they need not be the encoder's.

    Raises:
        ConfigError: options that contradict each other.
    """
    inner = inner_predictor(decoder_config, "space_time_predictor")
    found = schedule("decoder_config", inner.depth, modes=layer_attention_modes, window=windowed_attention_size)
    return SpaceTimePredictor(inner, found)


@dataclass(frozen=True)
class SpaceTimePredictor:
    """A checked decoder recipe."""

    predictor: Predictor
    schedule: Schedule

    def build(self, specs: Sequence[ModalitySpec], tokenization: Tokenization, encoder: EncoderRecipe) -> nn.Module:
        """Allocate the decoder on the current default device."""
        decoder = self.predictor.build(specs, tokenization, encoder, SpaceTimeDecoder)
        assert isinstance(decoder, SpaceTimeDecoder)
        decoder.schedule = self.schedule
        return decoder


class SpaceTimeDecoder(Decoder):
    """A decoder whose blocks look at one group of the context each."""

    schedule: Schedule

    def _decode(self, x_MD: Tensor, asked: Packing, here: Turns, source: Source) -> Tensor:
        assert isinstance(source.at, Packing)
        queries = Regroup(asked, self.schedule, self.positions, here.coordinates_MA)
        context = Regroup(source.at, self.schedule, self.positions, source.turns.coordinates_MA)
        for number, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            (arranged, turns), (there, there_turns) = queries.of(number), context.of(number)
            beside = Context(there.enter(source.tokens), there.rows, there_turns.of(block.attn))
            x_MD = arranged.leave(block(arranged.enter(x_MD), arranged.rows, turns.of(block.attn), beside))
        return x_MD
