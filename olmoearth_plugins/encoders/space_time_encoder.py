"""The forward pass of the space-time encoder: each block attends within the groups that its mode says."""

# M packed tokens, E of them with copies, G groups, D width
from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from olmoearth_core.data.sample import Batch
from olmoearth_core.interfaces.model import Encoded
from olmoearth_plugins.blocks.attention import Context
from olmoearth_plugins.blocks.attention_modes import Schedule
from olmoearth_plugins.blocks.block import Block
from olmoearth_plugins.blocks.exits import Exits
from olmoearth_plugins.blocks.groups import Groups
from olmoearth_plugins.blocks.places import places
from olmoearth_plugins.blocks.positions import GROUND_METERS, coordinates
from olmoearth_plugins.blocks.regroup import Regroup
from olmoearth_plugins.blocks.visible import Visible
from olmoearth_plugins.encoders.encoder import Encoder
from olmoearth_plugins.encoders.parts import EncoderParts


class SpaceTimeEncoder(EncoderParts):
    """Tokens of hidden places are zero; so is all of a sample without any visible token."""

    fusing_token: nn.Parameter | None

    def __init__(self, encoder: Encoder, schedule: Schedule, *, asks: bool) -> None:
        """Take over the parts of an encoder. asks: a schedule that fuses does it by a learned token."""
        super().__init__()
        self.take_over(encoder)
        self.schedule, self.asks = schedule, asks
        width = encoder.norm.normalized_shape[0]
        self.fusing_token = nn.Parameter(torch.zeros(width)) if schedule.fuses else None

    def forward(
        self,
        batch: Batch,
        patch_size: int = 4,
        token_exits: Mapping[str, int] | None = None,
        input_res: float = GROUND_METERS,
    ) -> Encoded:
        """Encode the visible tokens of a batch; arguments and errors as of the FlexiViT encoder."""
        seen = self.see(batch, patch_size)
        leave = self.leaving(token_exits, seen.reading.layout.names)
        if not any(leave):
            return seen.encoded(self.project(seen.tokens))
        tokens_MD = self._attend(seen, leave, batch.timestamps, patch_size, input_res) if seen.at.total else seen.tokens
        tokens_MD = self.project(tokens_MD)
        return seen.encoded(tokens_MD, self.project_and_aggregate(tokens_MD, seen.at))

    def _attend(
        self, seen: Visible, leave: Sequence[int], timestamps: Tensor, patch_size: int, input_res: float
    ) -> Tensor:
        """Run the blocks and the final norm; `leave` is the exit depth of each modality.

        The norm comes before the copies of a token are averaged, as in the reference.
        """
        at, layout, depth = seen.at, seen.reading.layout, len(self.blocks)
        where = places(layout, at.device)
        here = (timestamps, patch_size, input_res)
        x_MD = seen.tokens + self.composite_encodings(layout, at, where, *here)
        regroup = Regroup(at, self.schedule, self.positions, coordinates(self.positions, at, where, *here))
        exits = Exits(leave, at, where, seen.tokens) if set(leave) != {depth} else None
        for number in range(depth - 1):
            x_MD = self._step(number, x_MD, regroup)
            if exits is not None:
                exits.after(number + 1, x_MD)
        x_MD = self._step(depth - 1, x_MD, regroup)
        if exits is None:
            return x_MD
        exits.tokens = self.norm(exits.tokens)
        exits.after(depth, x_MD)
        return exits.tokens

    def _step(self, number: int, x_MD: Tensor, regroup: Regroup) -> Tensor:
        """Run one block, and after the last one the norm."""
        arranged, turns = regroup.of(number)
        block, rows, x_ED = self.blocks[number], arranged.rows, arranged.enter(x_MD)
        assert isinstance(block, Block)
        last = number == len(self.blocks) - 1
        if last and self.schedule.fuses and self.asks:
            assert isinstance(rows, Groups)
            x_ED = self._ask(block, x_ED, rows)
        else:
            x_ED = block(x_ED, rows, turns.of(block.attn))
            if last and self.schedule.fuses:
                assert isinstance(rows, Groups)
                x_ED = rows.spread(rows.first(x_ED))
        return arranged.leave(self.norm(x_ED) if last else x_ED)

    def _ask(self, block: Block, x_ED: Tensor, groups: Groups) -> Tensor:
        """Let the fusing token attend to each patch; all tokens of the patch become the answer."""
        assert self.fusing_token is not None
        one = groups.one_each()
        asking_GD = self.fusing_token.expand(len(one.count), -1)
        fused_GD: Tensor = block(asking_GD, one, None, Context(x_ED, groups, None))
        return groups.spread(fused_GD)
