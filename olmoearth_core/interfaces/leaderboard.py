"""Leaderboards: numbers that somebody has published, to be shown beside measured ones and never taken for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from olmoearth_core.evaluate.results import Row

PUBLISHED = "published"
"""The profile of every published row: whatever code made it, it was none of ours."""


@runtime_checkable
class Leaderboard(Protocol):
    """Published scores; making one reads no data but its own tables.

    Tasks are called as the shipped task lists call them, so that rows meet measured ones.
    """

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    @property
    def source(self) -> str:
        """What to cite."""
        ...

    def rows(self) -> Sequence[Row]:
        """Return one row per published score: profile `PUBLISHED`, primary, a finite value, and in `source` its table.

        Scores are shares (0.947, not 94.7), errors are in the unit of the paper. There are intervals only where the
        publication has some.
        """
        ...

    def bounds(self) -> Mapping[tuple[str, str], tuple[float, float]]:
        """Return (task, metric) -> the scores that count as 0 and as 1, for means over tasks; empty where unknown."""
        ...
