"""How sure a score is where there are several splits, and how two scores are compared.

Splits of the same data are not independent, so their two-sided 95 % Student interval describes the spread over splits,
not over new regions. Two models are compared *within* each split or each resample (`difference`), which takes the
difficulty of the samples out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.evaluation import Score
from olmoearth_core.scores.bootstrap import interval

SPLITS, BOOTSTRAP = "splits", "bootstrap"
"""How an interval came about, see `Score.interval`."""

# 0.975 quantile of Student's t for 1 ... 30 degrees of freedom (tables; e.g. NIST handbook 1.3.6.7.2).
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


def score_of(metric: str, values: Sequence[float], details: Mapping[str, Any] | None = None) -> Score:
    """Return mean and interval of one value per split; a single split has no interval (NaN to NaN)."""
    count = len(values)
    mean = math.fsum(values) / count
    if count < 2:
        return Score(metric, mean, seeds=tuple(values), details=details or {})
    variance = math.fsum((v - mean) ** 2 for v in values) / (count - 1)
    half = quantile(count - 1) * math.sqrt(variance / count)
    return Score(metric, mean, mean - half, mean + half, tuple(values), details or {}, interval=SPLITS)


def difference(ours: Score, theirs: Score) -> Score:
    """Return ours minus theirs on the same samples: paired by resample where both have as many, else by split.

    Seeds that share one fixed split say nothing about other samples: they give a difference without an interval.

    Raises:
        DataError: the two were scored on different numbers of splits.
    """
    if ours.resamples and len(ours.resamples) == len(theirs.resamples):
        return _by_resample(ours, theirs)
    if SPLITS not in (ours.interval, theirs.interval):
        return Score(ours.metric, ours.value - theirs.value, seeds=_by_seed(ours, theirs), split=ours.split)
    if len(ours.seeds) != len(theirs.seeds):
        raise DataError(
            f"{ours.metric}: a paired comparison needs one value per seed on both sides, "
            f"but there are {len(ours.seeds)} and {len(theirs.seeds)}."
        )
    return replace(score_of(ours.metric, _by_seed(ours, theirs)), split=ours.split)


def _by_resample(ours: Score, theirs: Score) -> Score:
    paired = _pairs(ours.resamples, theirs.resamples)
    low, high = interval(paired)
    return Score(
        ours.metric, ours.value - theirs.value, low, high, seeds=_by_seed(ours, theirs),
        split=ours.split, interval=BOOTSTRAP, resamples=paired,
    )  # fmt: skip


def _by_seed(ours: Score, theirs: Score) -> tuple[float, ...]:
    return _pairs(ours.seeds, theirs.seeds) if len(ours.seeds) == len(theirs.seeds) else ()


def _pairs(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, ...]:
    return tuple(a - b for a, b in zip(ours, theirs, strict=True))


def quantile(degrees: int) -> float:
    """Return the 0.975 quantile of Student's t; from 31 degrees of freedom on, its expansion around the normal one."""
    if degrees <= len(_T):
        return _T[degrees - 1]
    z = 1.959964
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
