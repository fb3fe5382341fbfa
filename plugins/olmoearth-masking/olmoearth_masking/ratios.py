"""The two shares that nearly every strategy has, and how a schedule changes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, Self, runtime_checkable

from olmoearth_core.interfaces.masking import Masking


@runtime_checkable
class Adjustable(Protocol):
    """A strategy whose ratios can be moved."""

    encode_ratio: float
    decode_ratio: float

    def with_ratios(self, encode_ratio: float, decode_ratio: float) -> Masking:
        """Return the same strategy with other ratios."""
        ...


@dataclass(frozen=True)
class Ratios:
    """Shares of what is there that are encoded and decoded."""

    encode_ratio: float
    decode_ratio: float

    def with_ratios(self, encode_ratio: float, decode_ratio: float) -> Self:
        """Return the same strategy with other ratios."""
        return replace(self, encode_ratio=encode_ratio, decode_ratio=decode_ratio)
