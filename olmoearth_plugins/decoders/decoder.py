"""The forward pass of the decoder: place mask tokens, cross-attend to the context, project to the targets' width."""

# B samples, N tokens per sample, M packed queries, K packed context tokens, D width
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from olmoearth_core.data.sample import ViewCounts
from olmoearth_core.data.tokens import DECODE, ENCODE, Tokenization, TokenLayout
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.loss import Tokens
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_plugins.blocks.attention import Context
from olmoearth_plugins.blocks.block import Block, blocks
from olmoearth_plugins.blocks.composite import CompositeEncodings
from olmoearth_plugins.blocks.packing import Packing, choose
from olmoearth_plugins.blocks.places import places
from olmoearth_plugins.blocks.positions import GROUND_METERS, Turns, coordinates
from olmoearth_plugins.blocks.reading import count
from olmoearth_plugins.blocks.rows import Rows
from olmoearth_plugins.blocks.trunk import Trunk


@dataclass(frozen=True)
class Source:
    """What queries ask: tokens [K,D], their rows, how they are turned.

    index: their places on the flat [B * N] axis; None = they are no tokens of the grid.
    """

    tokens: Tensor
    at: Rows
    turns: Turns
    index: Tensor | None


class Decoder(nn.Module):
    """Predicts the tokens whose code is DECODE from those whose code is ENCODE."""

    def __init__(
        self,
        specs: Sequence[ModalitySpec],
        tokenization: Tokenization,
        trunk: Trunk,
        width_in: int,
        width_out: int,
        composite_encodings: CompositeEncodings,
    ) -> None:
        """width_in: of the encoder's tokens; width_out: of the predictions."""
        super().__init__()
        self.specs, self.tokenization, self.positions = tuple(specs), tokenization, trunk.positions
        self.composite_encodings = composite_encodings
        self.blocks = blocks(trunk)
        self.input_norm = nn.LayerNorm(width_in)
        self.encoder_to_decoder_embed = nn.Linear(width_in, trunk.width)
        self.mask_token = nn.Parameter(torch.zeros(trunk.width))
        self.norm = nn.LayerNorm(trunk.width)
        self.to_output_embed = nn.Linear(trunk.width, width_out)
        self.location_tokens_to_decoder_embed: nn.Linear | None = None

    def ask_places(self, width: int) -> None:
        """Attend to the location tokens of an encoder's attention pooler instead of the visible tokens."""
        self.location_tokens_to_decoder_embed = nn.Linear(width, self.mask_token.shape[0])

    def forward(
        self,
        encoded: Tokens,
        timestamps: Tensor,
        patch_size: int = 4,
        input_res: float = GROUND_METERS,
        full: bool = True,
    ) -> Tokens:
        """Predict hidden tokens.

        full: also project the context and fill the places that nobody asked about with what a zero token gives,
            as the reference does; false = only DECODE places are computed, the others are zero.
        """
        layout = self._layout(encoded)
        counts = encoded.counts or count(encoded.masks)
        asked = Packing(layout, choose(encoded.masks, DECODE, counts.decode), counts.decode_rows())
        scene = Scene(self, layout, timestamps, patch_size, input_res)
        source = self._source(encoded, counts, scene)
        queries_MD = self.mask_token + scene.encodings(asked)
        if asked.total:
            context = source if self.location_tokens_to_decoder_embed is None else self._places(encoded)
            queries_MD = self._decode(queries_MD, asked, scene.turns(asked), context)
        if full:
            predicted_BND = self._everywhere(queries_MD, asked, source)
        else:
            predicted_BND = asked.restore(self._project(queries_MD))
        return Tokens(layout.split(predicted_BND), encoded.masks, counts)

    def _layout(self, encoded: Tokens) -> TokenLayout:
        held = [spec for spec in self.specs if spec.name in encoded.tokens]
        shapes = {spec.kind: encoded.masks[spec.name].shape for spec in held}
        rows, columns = next((tuple(s[1:3]) for kind, s in shapes.items() if kind in ("space", "space_time")), (1, 1))
        steps = next((s[-2] for kind, s in shapes.items() if kind in ("time", "space_time")), 1)
        return TokenLayout.of(held, self.tokenization, rows=rows, columns=columns, steps=steps)

    def _source(self, encoded: Tokens, counts: ViewCounts, scene: Scene) -> Source:
        """Embed the visible tokens."""
        seen = Packing(scene.layout, choose(encoded.masks, ENCODE, counts.encode), counts.encode_rows())
        tokens_KD = self.encoder_to_decoder_embed(self.input_norm(seen.take(scene.layout.flatten(encoded.tokens))))
        return Source(tokens_KD + scene.encodings(seen), seen, scene.turns(seen), seen.index)

    def _places(self, encoded: Tokens) -> Source:
        """Embed the location tokens [B,R,C,E]; they say where they are by their rotary positions alone."""
        assert self.location_tokens_to_decoder_embed is not None
        extras = getattr(encoded, "extras", {})
        if "location_tokens" not in extras:
            raise ConfigError(
                "decoder_config: use_attention_pooler = true, but the encoder handed over no location tokens. "
                "Give it an attention_pooler, and no token exits of 0."
            )
        grid = extras["location_tokens"]
        rows = Rows((grid.shape[1] * grid.shape[2],) * len(grid), grid.device)
        turns = Turns(self.positions, extras["location_query_positions"].flatten(0, 1))
        return Source(self.location_tokens_to_decoder_embed(grid.flatten(0, 2)), rows, turns, None)

    def _decode(self, x_MD: Tensor, asked: Packing, here: Turns, source: Source) -> Tensor:
        for block in self.blocks:
            assert isinstance(block, Block)
            context = Context(source.tokens, source.at, source.turns.of(block.attn))
            x_MD = block(x_MD, asked, here.of(block.attn), context)
        return x_MD

    def _project(self, x_MD: Tensor) -> Tensor:
        answer: Tensor = self.to_output_embed(self.norm(x_MD))
        return answer

    def _everywhere(self, queries_MD: Tensor, asked: Packing, source: Source) -> Tensor:
        """Project queries and context; all other places get the answer to a zero token."""
        rows, index = queries_MD, asked.index
        if source.index is not None:
            rows, index = torch.cat([rows, source.tokens]), torch.cat([index, source.index])
        rest = self._project(rows.new_zeros(1, rows.shape[1]))
        samples = len(asked.lengths)
        flat = rest.expand(samples * asked.width, -1).index_copy(0, index, self._project(rows))
        return flat.view(samples, asked.width, rest.shape[1])


class Scene:
    """What does not change between queries and context of one batch."""

    def __init__(
        self, decoder: Decoder, layout: TokenLayout, timestamps: Tensor, patch_size: int, input_res: float
    ) -> None:
        self.decoder, self.layout, self.timestamps = decoder, layout, timestamps
        self.patch_size, self.input_res = patch_size, input_res
        self.where = places(layout, timestamps.device)

    def encodings(self, at: Packing, *, channels: bool = True) -> Tensor:
        """Return what is added to tokens, [M,D]; channels: including what names the band group."""
        added: Tensor = self.decoder.composite_encodings(
            self.layout, at, self.where, self.timestamps, self.patch_size, self.input_res, channels=channels
        )
        return added

    def turns(self, at: Packing) -> Turns:
        """Return how queries or keys at these places are turned."""
        positions = self.decoder.positions
        found = coordinates(positions, at, self.where, self.timestamps, self.patch_size, self.input_res)
        return Turns(positions, found)
