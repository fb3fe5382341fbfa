"""The forward pass of the early pooling encoder: some blocks over all tokens, pooling, the other blocks over the rest.

Modalities without places or dates take part before pooling only.
"""

# B samples, M packed tokens, G = B L groups, L groups of a sample, R register tokens, D width
from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import ENCODE, MISSING
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.model import Encoded
from olmoearth_plugins.blocks.attention_pool import AttentionPool
from olmoearth_plugins.blocks.block import Block
from olmoearth_plugins.blocks.places import places
from olmoearth_plugins.blocks.pooled_grid import PooledGrid, Shown
from olmoearth_plugins.blocks.positions import GROUND_METERS, Turns, coordinates
from olmoearth_plugins.blocks.rows import Prefixed, Rows
from olmoearth_plugins.blocks.visible import Visible
from olmoearth_plugins.encoders.encoder import Call, Encoder
from olmoearth_plugins.encoders.parts import EncoderParts


class EarlyPoolEncoder(EncoderParts):
    """What comes out as `tokens` are bare patch embeddings; what attention made of them is in `extras`."""

    def __init__(self, encoder: Encoder, pool: AttentionPool, *, dims: str, before: int) -> None:
        """Take over the parts of an encoder. dims: see `pooled_grid`; before: blocks that run before pooling."""
        super().__init__()
        self.take_over(encoder)
        self.dims, self.before = dims, before
        self.attn_pool = pool

    def forward(
        self,
        batch: Batch,
        patch_size: int = 4,
        token_exits: Mapping[str, int] | None = None,
        input_res: float = GROUND_METERS,
    ) -> Encoded:
        """Encode the visible tokens of a batch.

        patch_size, input_res: as of the FlexiViT encoder. token_exits: 0 for all modalities = bare patch embeddings
        and nothing else; the depth for all = the usual output.

        Returns:
            `tokens`: bare patch embeddings of visible places, zero elsewhere. `extras`: "pooled_tokens", [B,H',W',T,D]
            (modality), [B,H',W',S,D] (temporal), [B,T,S,D] (spatial), [B,H',W',D] (modality_temporal) or [B,1,D]
            (all), and "pooled_masks", the same without D: 0 where a visible token went in, else 3, and the token is 0.
            `pooled`: as in the reference the mean over all pooled tokens, hidden zeros included, projected.

        Raises:
            DataError: a patch size or arrays that do not fit, or no modality that can be pooled.
            ConfigError: token exits between these two.
        """
        seen = self.see(batch, patch_size)
        if token_exits is not None and not self._runs(token_exits, seen.reading.layout.names):
            return seen.encoded(seen.tokens)
        grid = PooledGrid(seen.reading.layout, self.dims, seen.reading.counts)
        call = Call(batch.timestamps, patch_size, input_res)
        x_MD, registers_BRD = self._before(seen, call)
        x_BLD, seen_BL = self._pool(seen, grid, x_MD)
        x_BLD = self._after(x_BLD, seen_BL, registers_BRD, grid, call)
        rows = Rows((grid.length,) * batch.size, batch.device)
        pooled = self.project_and_aggregate(x_BLD.flatten(0, 1), rows) * seen_BL.any(1, keepdim=True)
        mask = torch.where(seen_BL, ENCODE, MISSING).view(-1, *grid.shape)
        extras = {"pooled_tokens": x_BLD.view(*mask.shape, -1), "pooled_masks": mask}
        return seen.encoded(seen.tokens, pooled, extras)

    def _runs(self, token_exits: Mapping[str, int], names: tuple[str, ...]) -> bool:
        leave = set(self.leaving(token_exits, names))
        if leave not in ({0}, {len(self.blocks)}):
            raise ConfigError(
                f"token exits are {dict(token_exits)}, but tokens that were pooled have no modality any more: an early "
                f"pooling encoder takes 0 for all, or {len(self.blocks)} for all."
            )
        return leave != {0}

    def _before(self, seen: Visible, call: Call) -> tuple[Tensor, Tensor | None]:
        """Run the blocks before pooling; return tokens and registers."""
        at, layout = seen.at, seen.reading.layout
        where = places(layout, at.device)
        here = (call.timestamps, call.patch_size, call.input_res)
        x_MD = seen.tokens + self.composite_encodings(layout, at, where, *here)
        places_MA = coordinates(self.positions, at, where, *here)
        registers = self.register_tokens
        if registers is None:
            turns = Turns(self.positions, places_MA)
            return self._run(self.blocks[: self.before], x_MD, at, turns), None
        rows = Prefixed(at, len(registers))
        x = rows.join(registers, x_MD)
        if places_MA is not None:
            places_MA = rows.join(places_MA.new_zeros(len(registers), places_MA.shape[1]), places_MA)
        x = self._run(self.blocks[: self.before], x, rows, Turns(self.positions, places_MA))
        return rows.cut(x), rows.front(x)

    def _pool(self, seen: Visible, grid: PooledGrid, x_MD: Tensor) -> tuple[Tensor, Tensor]:
        """Return pooled tokens [B,L,D] and which of them anything visible went into, bool [B,L]."""
        reading = seen.reading
        x_GRD = grid.gather(reading.layout.split(seen.at.restore(x_MD)))
        seen_GR = grid.gather({name: codes == ENCODE for name, codes in reading.codes.items()})
        x_GD = self.attn_pool(x_GRD, None if grid.whole else seen_GR)
        return x_GD.view(-1, grid.length, x_GD.shape[1]), seen_GR.any(1).view(-1, grid.length)

    def _after(
        self, x_BLD: Tensor, seen_BL: Tensor, registers_BRD: Tensor | None, grid: PooledGrid, call: Call
    ) -> Tensor:
        """Run the other blocks and the final norm; what nothing visible went into is zero."""
        here = (call.timestamps, call.patch_size, call.input_res)
        samples, device, extra = len(x_BLD), x_BLD.device, 0
        at = grid.everywhere(samples, device)
        places_GA = coordinates(self.positions, at, places(grid.layout, device), *here)
        x, shown = x_BLD, seen_BL
        if registers_BRD is not None:
            extra = registers_BRD.shape[1]
            x, shown = torch.cat([registers_BRD, x], 1), nn.functional.pad(seen_BL, (extra, 0), value=True)
            if places_GA is not None:
                places_GA = nn.functional.pad(places_GA.view(samples, grid.length, -1), (0, 0, extra, 0)).flatten(0, 1)
        rows = Shown(samples, x.shape[1], device, None if grid.whole else shown)
        x = self._run(self.blocks[self.before :], x.flatten(0, 1), rows, Turns(self.positions, places_GA))
        left: Tensor = self.norm(x.view(samples, -1, x.shape[1])[:, extra:])
        return left * seen_BL[..., None]

    @staticmethod
    def _run(blocks: nn.ModuleList, x: Tensor, rows: Rows, turns: Turns) -> Tensor:
        for block in blocks:
            assert isinstance(block, Block)
            x = block(x, rows, turns.of(block.attn))
        return x
