"""Position encodings that turn nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn


@dataclass(frozen=True)
class Additive:
    """Says which parts are added to tokens; queries and keys stay as they are."""

    rotates: ClassVar[bool] = False

    additive_grid: bool
    additive_steps: bool = True

    def check(self, head_width: int) -> None:
        """Any width works."""

    def parameters(self, heads: int, head_width: int) -> Mapping[str, nn.Parameter]:
        """Nothing is learned."""
        return {}

    def coordinates(self, days_M: Tensor, row_M: Tensor, column_M: Tensor) -> Tensor:
        """Nobody asks."""
        raise NotImplementedError("this position encoding turns nothing")

    def angles(self, coordinates_MA: Tensor, own: Mapping[str, Tensor], head_width: int) -> Tensor:
        """Nobody asks."""
        raise NotImplementedError("this position encoding turns nothing")
