"""Predictions and truth of one split, kept as what metrics and their bootstrap need; from them come `Score`s.

`ClassTally`, `MultilabelTally`, `PixelTally` and `ValueTally` keep sums per sample, so a resample is a weighted sum
and never a second pass over predictions or pixels.
"""

# R resamples, N samples
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.evaluation import Score
from olmoearth_core.scores.bootstrap import draws, interval, spread
from olmoearth_core.scores.metrics import Floats, checked
from olmoearth_core.scores.tally_classes import ClassTally, MultilabelTally
from olmoearth_core.scores.tally_pixels import PixelTally
from olmoearth_core.scores.tally_values import ValueTally

__all__ = ["ClassTally", "MultilabelTally", "PixelTally", "Tally", "ValueTally", "scores_of"]


class Tally(Protocol):
    """What was predicted for N samples, against what is true."""

    def __len__(self) -> int:
        """Return the number of samples, images on dense tasks."""
        ...

    def metrics(self) -> dict[str, float]:
        """Return every metric of the task type over all samples."""
        ...

    def resampled(self, rows: np.ndarray, metric: str) -> float:
        """Return one metric over the samples `rows`, indices that may repeat."""
        ...

    def weighted(self, counts_RN: Floats, metric: str) -> Floats:
        """Return one metric [R] where sample n occurs `counts_RN[r, n]` times."""
        ...


def scores_of(
    tallies: Sequence[Tally],
    *,
    primary: str,
    split: str,
    resamples: int = 1000,
    seed: int = 42,
    details: Mapping[str, Any] | None = None,
) -> list[Score]:
    """Return a score per metric, the primary one first; it alone carries the bootstrap interval and `details`.

    tallies: one per seed of the probe, of the same samples. A value is the mean over seeds; a resample is scored for
    every seed and averaged, so all seeds see the same draws. resamples: 0 = no interval. seed: of the draws.
    Where resamples give no number (say, none of their pixels is labelled), they do not count for the interval.

    Raises:
        ConfigError: the primary metric is not among those computed.
        DataError: there are no samples, or the seeds were scored on different numbers of them.
    """
    sizes = sorted({len(tally) for tally in tallies})
    if len(sizes) != 1 or sizes[0] < 1:
        raise DataError(
            f"{split}: found tallies of {sizes} samples, expected the same samples, at least one, per seed."
        )
    each = [tally.metrics() for tally in tallies]
    primary = checked(primary, each[0], where=f"primary metric on {split}")
    drawn = _resampled(tallies, primary, sizes[0], resamples, seed)
    low, high = interval(drawn)
    facts = dict(details or {})
    if not math.isnan(low):
        facts["bootstrap"] = {**spread(drawn), "resamples": resamples, "seed": seed}
    names = [primary, *(name for name in each[0] if name != primary)]
    scores = [Score(name, _mean([e[name] for e in each]), seeds=tuple(e[name] for e in each), split=split)
              for name in names]  # fmt: skip
    kind = "" if math.isnan(low) else "bootstrap"
    scores[0] = Score(primary, scores[0].value, low, high, scores[0].seeds, facts, split, kind, drawn if kind else ())
    return scores


def _resampled(tallies: Sequence[Tally], metric: str, size: int, resamples: int, seed: int) -> tuple[float, ...]:
    values: list[float] = []
    for counts in draws(size, resamples, seed):
        values += np.mean([tally.weighted(counts, metric) for tally in tallies], axis=0).tolist()
    return tuple(values)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
