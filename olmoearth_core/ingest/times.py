"""At which day a cell is wanted: drawn from a seed and the cell, so that adding places changes no other's day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError

SHARED_FACTOR = 256
"""Resolution factor of the coarse cells (40.96 km) whose windows may share a day."""


@dataclass(frozen=True)
class Days:
    """Days to draw from, first and last included; equal ones fix the time.

    seed: same seed, same days. shared: one day for all windows of a 40.96 km square, as the first release had it.
    """

    first: datetime = datetime(2016, 6, 1, tzinfo=UTC)
    last: datetime = datetime(2024, 5, 31, tzinfo=UTC)
    seed: int = 0
    shared: bool = False

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise DataError(f"last day {self.last.date()} lies before the first, {self.first.date()}. Swap them.")
        if self.seed < 0:
            raise DataError(f"seed {self.seed}: expected 0 or more.")

    def of(self, cell: Cell) -> datetime:
        """Return the centre time of a cell's window: a whole day, UTC."""
        keyed = cell.parent(SHARED_FACTOR) if self.shared else cell
        key = [self.seed, int(keyed.crs.removeprefix("EPSG:")), keyed.col % 2**32, keyed.row % 2**32]
        draw = np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))
        day = int(draw.integers((self.last - self.first).days + 1))
        return self.first.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=day)
