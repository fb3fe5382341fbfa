"""The forward pass of the encoder: embed what is visible, attend, pool, put everything back in its place."""

# B samples, M packed tokens, R register tokens, D width
from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from olmoearth_core.data.sample import Batch
from olmoearth_core.interfaces.model import Encoded
from olmoearth_plugins.blocks.block import Block, blocks
from olmoearth_plugins.blocks.composite import CompositeEncodings
from olmoearth_plugins.blocks.exits import Exits, depths
from olmoearth_plugins.blocks.packing import Packing
from olmoearth_plugins.blocks.patch_embedding import PatchEmbedding
from olmoearth_plugins.blocks.places import Places, places
from olmoearth_plugins.blocks.pooling import EmbeddingProjector, ProjectAndAggregate
from olmoearth_plugins.blocks.positions import GROUND_METERS, Turns, coordinates
from olmoearth_plugins.blocks.rows import Prefixed, Rows
from olmoearth_plugins.blocks.trunk import Trunk
from olmoearth_plugins.blocks.visible import Visible, visible


class Encoder(nn.Module):
    """Tokens of hidden places are zero; so is all of a sample without any visible token.

    input_modalities: if set, only these are encoded; the others count as hidden (released models saw no maps).
    """

    register_tokens: nn.Parameter | None

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
        self.embedding_projector: nn.Module | None = None
        self.register_tokens = None
        self.input_modalities: tuple[str, ...] | None = None

    def add_registers(self, number: int) -> None:
        """Give the encoder register tokens."""
        if number:
            width = self.norm.normalized_shape[0]
            self.register_tokens = nn.Parameter(nn.init.xavier_uniform_(torch.empty(number, width)))

    def add_projector(self, width: int | None) -> None:
        """Project all tokens that come out to another width."""
        if width is not None:
            self.embedding_projector = EmbeddingProjector(self.norm.normalized_shape[0], width)

    def enable_band_dropout(self) -> None:
        """Let band dropout act from now on, in training mode."""
        self.patch_embeddings.band_dropout.active = True

    def forward(
        self,
        batch: Batch,
        patch_size: int = 4,
        token_exits: Mapping[str, int] | None = None,
        input_res: float = GROUND_METERS,
    ) -> Encoded:
        """Encode the visible tokens of a batch.

        patch_size: pixels of the 10 m grid along a patch. input_res: true metres of such a pixel.
        token_exits: blocks that each modality passes; all 0 = bare patch embeddings, nothing else is computed.

        Raises:
            DataError: a patch size or arrays that do not fit.
        """
        seen = visible(self.patch_embeddings, batch, patch_size, self.input_modalities)
        names, depth = seen.reading.layout.names, len(self.blocks)
        leave = [depth] * len(names) if token_exits is None else depths(token_exits, names, depth)
        if not any(leave):
            return seen.encoded(self._project(seen.tokens))
        tokens_MD = self._attend(seen, leave, batch.timestamps, patch_size, input_res) if seen.at.total else seen.tokens
        tokens_MD = self._project(tokens_MD)
        return seen.encoded(tokens_MD, self.project_and_aggregate(tokens_MD, seen.at))

    def _project(self, tokens_MD: Tensor) -> Tensor:
        return tokens_MD if self.embedding_projector is None else self.embedding_projector(tokens_MD)

    def _attend(
        self, seen: Visible, leave: Sequence[int], timestamps: Tensor, patch_size: int, input_res: float
    ) -> Tensor:
        """Run the blocks and the final norm over packed tokens; `leave` is the exit depth of each modality."""
        at, layout = seen.at, seen.reading.layout
        where = places(layout, timestamps.device)
        x_MD = seen.tokens + self.composite_encodings(layout, at, where, timestamps, patch_size, input_res)
        places_MA = coordinates(self.positions, at, where, timestamps, patch_size, input_res)
        stream = self._stream(at)
        rows, x = stream.enter(x_MD)
        turns = Turns(self.positions, None if places_MA is None else stream.enter(places_MA, registers=False)[1])
        exits = self._exits(leave, at, where, seen.tokens)
        for number, block in enumerate(self.blocks, start=1):
            assert isinstance(block, Block)
            x = block(x, rows, turns.of(block.attn))
            if exits is not None:
                exits.after(number, stream.leave(x))
        left: Tensor = self.norm(stream.leave(x) if exits is None else exits.tokens)
        return left

    def _exits(self, leave: Sequence[int], at: Packing, where: Places, raw_MD: Tensor) -> Exits | None:
        early = any(depth != len(self.blocks) for depth in leave)
        return Exits(leave, at, where, raw_MD) if early else None

    def _stream(self, at: Rows) -> Stream:
        return Stream(at, self.register_tokens, padded=self.legacy_eval_padding and not self.training and not at.even)


class Stream:
    """What runs through the blocks: the tokens, with registers in front and (legacy) zeros behind each sample."""

    def __init__(self, at: Rows, registers: Tensor | None, *, padded: bool) -> None:
        """at: the tokens. registers: [R,D] or none. padded: let zeros take part as the reference does."""
        self.at, self.registers, self.padded_ = at, registers, padded
        self._even = Rows((at.longest,) * len(at.lengths), at.device) if padded else at
        self._rows: Rows = self._even if registers is None else Prefixed(self._even, len(registers))

    def enter(self, x: Tensor, *, registers: bool = True) -> tuple[Rows, Tensor]:
        """Return the rows of the stream and the tokens among them; without `registers` those get zeros."""
        if self.padded_:
            x = self.at.spread_out(x)
        if self.registers is None:
            return self._rows, x
        assert isinstance(self._rows, Prefixed)
        front = self.registers if registers else x.new_zeros(len(self.registers), *x.shape[1:])
        return self._rows, self._rows.join(front, x)

    def leave(self, x: Tensor) -> Tensor:
        """Return the tokens alone."""
        if isinstance(self._rows, Prefixed):
            x = self._rows.cut(x)
        return self.at.gather_in(x) if self.padded_ else x
