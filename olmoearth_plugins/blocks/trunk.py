"""Width, heads and depth of a transformer: what encoder and decoder share."""

# M packed tokens, A rotary axes
from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from olmoearth_core.errors import ConfigError
from olmoearth_plugins.blocks.block import Block
from olmoearth_plugins.blocks.positions import Positions
from olmoearth_plugins.blocks.rope import turns


@dataclass(frozen=True, kw_only=True)
class Trunk:
    """A stack of equal blocks, not yet allocated."""

    width: int
    heads: int
    depth: int
    mlp_ratio: float
    drop_path: float
    qk_norm: bool
    positions: Positions

    def check(self, where: str) -> None:
        """Refuse what cannot be built.

        Raises:
            ConfigError: naming the option; `where` says whose it is.
        """
        if self.width < 1 or self.heads < 1 or self.width % self.heads:
            raise ConfigError(f"{where}: width {self.width} must be a positive multiple of num_heads {self.heads}.")
        if self.depth < 1 or self.mlp_ratio <= 0 or not 0 <= self.drop_path < 1:
            raise ConfigError(
                f"{where}: depth {self.depth} must be at least 1, mlp_ratio {self.mlp_ratio} above 0, "
                f"drop_path {self.drop_path} in [0, 1)."
            )
        self.positions.check(self.width // self.heads)

    def blocks(self) -> nn.ModuleList:
        """Allocate the blocks."""
        return nn.ModuleList(
            Block(self.width, self.heads, self.mlp_ratio, self.drop_path, self.positions, qk_norm=self.qk_norm)
            for _ in range(self.depth)
        )


def turn_of(block: Block, positions: Positions, coordinates_MA: Tensor | None) -> tuple[Tensor, Tensor] | None:
    """Return cosine and sine by which a block turns tokens at these coordinates; None = it does not."""
    if coordinates_MA is None:
        return None
    attention = block.attn
    if positions.mixed:
        return turns(coordinates_MA, attention.rope_mixed_freqs)
    return turns(coordinates_MA, positions.fixed(attention.q.out_features // attention.heads).to(coordinates_MA.device))
