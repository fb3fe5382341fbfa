"""Samples that could not be read: counted, listed, and only so many of them.

An unreadable sample never ends a run by itself. In its place the next readable sample of the same global batch
is used, with the crop and mask of the place it fills, so the batch is the same on any number of ranks and workers.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

from olmoearth_core.errors import TrainingError

log = logging.getLogger(__name__)
_SHOWN = 10


@dataclass(frozen=True)
class BadSample:
    """A file that could not be used, and why."""

    index: int
    path: str
    reason: str


class Quarantine:
    """The bad samples that this rank has met."""

    def __init__(self, limit: float, count: int) -> None:
        """limit: how many distinct bad samples a run survives; below 1 a share of the `count` samples (rounded up)."""
        self.limit = math.ceil(limit * count) if limit < 1 else int(limit)
        self.samples: dict[int, BadSample] = {}

    def __len__(self) -> int:
        """Return how many distinct samples are bad."""
        return len(self.samples)

    def add(self, bad: BadSample) -> None:
        """Count a bad sample once.

        Raises:
            TrainingError: there are more than the limit; the message lists them.
        """
        if bad.index in self.samples:
            return
        self.samples[bad.index] = bad
        log.warning("sample %d is left out: %s", bad.index, bad.reason)
        if len(self.samples) > self.limit:
            raise TrainingError(
                f"{len(self.samples)} samples cannot be read, more than data_loader.max_bad_samples allows "
                f"({self.limit}). Repair them, leave them out with dataset.filter_idx_file, or raise the limit.\n"
                + self.report()
            )

    def report(self) -> str:
        """List the files and reasons, one a line."""
        lines = [f"  {bad.path}: {bad.reason.removeprefix(bad.path + ': ')}" for bad in self.samples.values()]
        more = len(lines) - _SHOWN
        return "\n".join(lines[:_SHOWN] + ([f"  … and {more} more"] if more > 0 else []))
