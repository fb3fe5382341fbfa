"""The forward pass of the encoder: embed what is visible, attend, pool, put everything back in its place."""

# B samples, M packed tokens, D width
from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from olmoearth_core.data.sample import Batch
from olmoearth_core.interfaces.model import Encoded
from olmoearth_plugins.blocks.block import Block
from olmoearth_plugins.blocks.composite import CompositeEncodings
from olmoearth_plugins.blocks.exits import Exits, depths
from olmoearth_plugins.blocks.patch_embedding import PatchEmbedding
from olmoearth_plugins.blocks.places import places
from olmoearth_plugins.blocks.pooling import ProjectAndAggregate
from olmoearth_plugins.blocks.positions import GROUND_METERS
from olmoearth_plugins.blocks.trunk import Trunk, turn_of
from olmoearth_plugins.blocks.visible import Visible, visible


class Encoder(nn.Module):
    """Tokens of hidden places are zero; so is all of a sample without any visible token."""

    def __init__(
        self,
        trunk: Trunk,
        patch_embeddings: PatchEmbedding,
        composite_encodings: CompositeEncodings,
        head: ProjectAndAggregate,
    ) -> None:
        """Join the parts; the modalities are those of the patch embeddings."""
        super().__init__()
        self.embedding_size, self.positions = trunk.width, trunk.positions
        self.patch_embeddings = patch_embeddings
        self.composite_encodings = composite_encodings
        self.blocks = trunk.blocks()
        self.norm = nn.LayerNorm(trunk.width)
        self.project_and_aggregate = head

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
        seen = visible(self.patch_embeddings, batch, patch_size)
        names, depth = seen.reading.layout.names, len(self.blocks)
        leave = [depth] * len(names) if token_exits is None else depths(token_exits, names, depth)
        if not any(leave):
            return seen.encoded(seen.tokens)
        tokens_MD = self._attend(seen, leave, batch.timestamps, patch_size, input_res) if seen.at.total else seen.tokens
        return seen.encoded(tokens_MD, self.project_and_aggregate(tokens_MD, seen.at))

    def _attend(
        self, seen: Visible, leave: Sequence[int], timestamps: Tensor, patch_size: int, input_res: float
    ) -> Tensor:
        """Run the blocks and the final norm over packed tokens; `leave` is the exit depth of each modality."""
        at, layout = seen.at, seen.reading.layout
        where = places(layout, timestamps.device)
        early = any(depth != len(self.blocks) for depth in leave)
        exits = Exits(leave, at, where, seen.tokens) if early else None
        x_MD = seen.tokens + self.composite_encodings(layout, at, where, timestamps, patch_size, input_res)
        coordinates = self.positions.coordinates(at, where, timestamps, patch_size, input_res)
        for number, block in enumerate(self.blocks, start=1):
            assert isinstance(block, Block)
            x_MD = block(x_MD, at, turn_of(block, self.positions, coordinates))
            if exits is not None:
                exits.after(number, x_MD)
        left: Tensor = self.norm(x_MD if exits is None else exits.tokens)
        return left
