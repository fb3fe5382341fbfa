"""The two shares that nearly every strategy has, and how a schedule changes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, Self, runtime_checkable

from olmoearth_core.errors import ConfigError
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


def moved_to(strategy: Masking, encode_ratio: float, decode_ratio: float) -> Masking:
    """Return a strategy with other ratios.

    Raises:
        ConfigError: a strategy whose ratios cannot be moved.
    """
    if not isinstance(strategy, Adjustable):
        raise ConfigError(
            f"masking: the ratios of {type(strategy).__name__.strip('_')} cannot be moved by a schedule. Take "
            "masking.random.v1, masking.space.v1, masking.time.v1, or what is composed of them."
        )
    return strategy.with_ratios(encode_ratio, decode_ratio)
