"""Width, heads and depth of a transformer: what encoder, decoder and their blocks share."""

from __future__ import annotations

from dataclasses import dataclass

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.parts import Attend, PositionEncoding


@dataclass(frozen=True, kw_only=True)
class Trunk:
    """The options of a stack of equal blocks.

    mlp_ratio: hidden width of the MLP in units of width. drop_path: share of samples that skip a branch.
    qk_norm: normalise queries and keys per head. attend: the attention kernel.
    attention_width: of queries, keys and values, None = width. context_width: of tokens attended to, None = width.
    """

    width: int
    heads: int
    depth: int
    mlp_ratio: float
    positions: PositionEncoding
    attend: Attend
    drop_path: float = 0.0
    qk_norm: bool = False
    attention_width: int | None = None
    context_width: int | None = None

    def check(self, where: str) -> None:
        """Refuse what cannot be built.

        Raises:
            ConfigError: naming the option; `where` says whose it is.
        """
        inner = self.attention_width or self.width
        if self.width < 1 or self.heads < 1 or inner % self.heads:
            raise ConfigError(f"{where}: width {inner} must be a positive multiple of num_heads {self.heads}.")
        if self.depth < 1 or self.mlp_ratio <= 0 or not 0 <= self.drop_path < 1:
            raise ConfigError(
                f"{where}: depth {self.depth} must be at least 1, mlp_ratio {self.mlp_ratio} above 0, "
                f"drop_path {self.drop_path} in [0, 1)."
            )
        if self.positions.rotates:
            self.positions.check(inner // self.heads)
