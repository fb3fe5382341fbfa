"""The forward pass of the encoder: embed what is visible, attend, pool, put everything back in its place."""

# B samples, M packed tokens, R register tokens, D width
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from olmoearth_core.data.fitting import require_batch
from olmoearth_core.data.sample import Batch
from olmoearth_core.errors import ConfigError
from olmoearth_core.features.embed import resting
from olmoearth_core.interfaces.model import Encoded
from olmoearth_plugins.blocks.block import Block, blocks
from olmoearth_plugins.blocks.composite import CompositeEncodings
from olmoearth_plugins.blocks.exits import Exits
from olmoearth_plugins.blocks.lattice import lattice
from olmoearth_plugins.blocks.location_pooler import Asked, Located
from olmoearth_plugins.blocks.packing import Packing
from olmoearth_plugins.blocks.patch_embedding import PatchEmbedding
from olmoearth_plugins.blocks.places import Places, places
from olmoearth_plugins.blocks.pooling import EmbeddingProjector, ProjectAndAggregate
from olmoearth_plugins.blocks.positions import GROUND_METERS, Turns, coordinates, ground
from olmoearth_plugins.blocks.searchlight import CellStream, SearchlightSettings, join, usable
from olmoearth_plugins.blocks.stream import Stream, TokenStream
from olmoearth_plugins.blocks.trunk import Trunk
from olmoearth_plugins.blocks.visible import Visible
from olmoearth_plugins.encoders.parts import EncoderParts


@dataclass(frozen=True)
class Call:
    """What a forward pass is asked, besides the tokens; as the arguments of `Encoder.forward`."""

    timestamps: Tensor
    patch_size: int
    input_res: float
    query_patch_size: int | None = None
    searchlight: SearchlightSettings | None = None


class Encoder(EncoderParts):
    """Tokens of hidden places are zero; so is all of a sample without any visible token."""

    def __init__(
        self,
        trunk: Trunk,
        patch_embeddings: PatchEmbedding,
        composite_encodings: CompositeEncodings,
        head: ProjectAndAggregate,
        legacy_eval_padding: bool = False,
    ) -> None:
        """Join the parts; the modalities are those of the patch embeddings."""
        super().__init__()
        self.positions, self.legacy_eval_padding = trunk.positions, legacy_eval_padding
        self.patch_embeddings = patch_embeddings
        self.composite_encodings = composite_encodings
        self.blocks = blocks(trunk)
        self.norm = nn.LayerNorm(trunk.width)
        self.project_and_aggregate = head
        self.embedding_projector = None
        self.attention_pooler: nn.Module | None = None
        self.register_tokens = None
        self.input_modalities = None

    def add_registers(self, number: int) -> None:
        """Give the encoder register tokens."""
        if number:
            width = self.norm.normalized_shape[0]
            self.register_tokens = nn.Parameter(nn.init.xavier_uniform_(torch.empty(number, width)))

    def add_projector(self, width: int | None) -> None:
        """Project all tokens that come out to another width."""
        if width is not None:
            self.embedding_projector = EmbeddingProjector(self.norm.normalized_shape[0], width)

    def forward(
        self,
        batch: Batch,
        patch_size: int = 4,
        token_exits: Mapping[str, int] | None = None,
        input_res: float = GROUND_METERS,
        location_query_patch_size: int | None = None,
        searchlight: SearchlightSettings | None = None,
    ) -> Encoded:
        """Encode the visible tokens of a batch.

        patch_size: pixels of the 10 m grid along a patch. input_res: true metres of such a pixel.
        token_exits: blocks that each modality passes; all 0 = bare patch embeddings, nothing else is computed.
        location_query_patch_size: pixels between the places that the attention pooler is asked at; null = patch_size.
        searchlight: let each patch attend to the patches around it only; without gradients, in evaluation mode,
            sample after sample.

        With an attention pooler, `extras` holds location_tokens [B,R,C,E], their location_query_positions [B,R*C,2]
        and student_location_tokens [B,R,C,S], and `pooled` is made of the location tokens.

        Raises:
            DataError: a patch size or arrays that do not fit.
            ConfigError: token exits or queries that do not fit, or a searchlight that this encoder cannot carry.
        """
        if location_query_patch_size is not None and self.attention_pooler is None:
            raise ConfigError("location_query_patch_size is for encoders with an attention pooler; this one has none.")
        lit = usable(searchlight, self.positions)
        require_batch(batch)
        call = Call(batch.timestamps, patch_size, input_res, location_query_patch_size, lit)
        if lit is None:
            return self._encode(batch, token_exits, call)
        if token_exits is not None or self.register_tokens is not None:
            raise ConfigError("searchlight works without token exits and register tokens only. Leave one of them out.")
        with torch.no_grad(), resting(self):
            samples = [batch.rows(slice(i, i + 1)) for i in range(batch.size)]
            return join([self._encode(x, None, replace(call, timestamps=x.timestamps)) for x in samples])

    def _encode(self, batch: Batch, token_exits: Mapping[str, int] | None, call: Call) -> Encoded:
        seen = self.see(batch, call.patch_size)
        leave = self.leaving(token_exits, seen.reading.layout.names)
        if not any(leave):
            return seen.encoded(self.project(seen.tokens))
        where = places(seen.reading.layout, call.timestamps.device)
        stream = self._stream(seen, where, call)
        at = coordinates(self.positions, seen.at, where, call.timestamps, call.patch_size, call.input_res)
        tokens_MD = self._attend(seen, leave, where, at, stream, call) if seen.at.total else seen.tokens
        projected_MD = self.project(tokens_MD)
        if self.attention_pooler is None:
            return seen.encoded(projected_MD, self.project_and_aggregate(projected_MD, seen.at))
        assert at is not None
        pooled, extras = self._locate(self.attention_pooler, seen, tokens_MD, at, stream, call)
        return seen.encoded(projected_MD, pooled, extras)

    def _attend(
        self, seen: Visible, leave: Sequence[int], where: Places, at: Tensor | None, stream: TokenStream, call: Call
    ) -> Tensor:
        """Run the blocks and the final norm over packed tokens.

        leave: exit depth of each modality. at: rotary coordinates of the tokens.
        """
        layout, tokens_MD = seen.reading.layout, seen.tokens
        x_MD = tokens_MD + self.composite_encodings(
            layout, seen.at, where, call.timestamps, call.patch_size, call.input_res
        )
        rows, x = stream.enter(x_MD)
        turns = Turns(self.positions, None if at is None else stream.enter(at, registers=False)[1])
        exits = self._exits(leave, seen.at, where, tokens_MD)
        for number, block in enumerate(self.blocks, start=1):
            assert isinstance(block, Block)
            x = block(x, rows, turns.of(block.attn))
            if exits is not None:
                exits.after(number, stream.leave(x))
        left: Tensor = self.norm(stream.leave(x) if exits is None else exits.tokens)
        return left

    def _locate(
        self, pooler: nn.Module, seen: Visible, tokens_MD: Tensor, at: Tensor, stream: TokenStream, call: Call
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Ask the pooler at each place of a grid; return the pooled vector and what `forward` promises as extras."""
        asked = lattice(seen.reading.layout, call.patch_size, call.query_patch_size)
        here_Q2 = asked.coordinates(self.positions, ground(call.patch_size, call.input_res), at.device)
        rows, here_Q2 = stream.asked(asked), here_Q2.repeat(len(seen.at.lengths), 1)
        found: Located = pooler(stream.order(tokens_MD), stream.rows, stream.order(at)[:, -2:], Asked(rows, here_Q2))
        pooled = self.project_and_aggregate(found.tokens, rows)
        extras = {"location_tokens": found.tokens, "location_query_positions": here_Q2}
        if found.student is not None:
            extras["student_location_tokens"] = found.student
        extras = {name: asked.grid(x) for name, x in extras.items()}
        extras["location_query_positions"] = extras["location_query_positions"].flatten(1, 2)
        return pooled * (seen.at.count > 0)[:, None] if seen.at.has_empty else pooled, extras

    def _exits(self, leave: Sequence[int], at: Packing, where: Places, raw_MD: Tensor) -> Exits | None:
        early = any(depth != len(self.blocks) for depth in leave)
        return Exits(leave, at, where, raw_MD) if early else None

    def _stream(self, seen: Visible, where: Places, call: Call) -> TokenStream:
        if call.searchlight is not None:
            return CellStream(seen, where, call.patch_size, call.searchlight)
        padded = self.legacy_eval_padding and not self.training and not seen.at.even
        return Stream(seen.at, self.register_tokens, padded=padded)
