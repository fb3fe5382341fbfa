"""How sure a score is: the mean over seeds with a two-sided 95 % Student interval.

Seeds are different splits of the same data, so their scores are not independent and the interval describes the
spread over splits, not over new regions. Two models are compared *within* each split (`difference`), which takes
the split's own difficulty out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.evaluation import Score

# 0.975 quantile of Student's t for 1 ... 30 degrees of freedom (tables; e.g. NIST handbook 1.3.6.7.2).
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


def score_of(metric: str, values: Sequence[float], details: Mapping[str, Any] | None = None) -> Score:
    """Return mean and interval of one value per seed; a single seed has no interval (NaN to NaN)."""
    count = len(values)
    mean = math.fsum(values) / count
    half = math.nan
    if count > 1:
        variance = math.fsum((v - mean) ** 2 for v in values) / (count - 1)
        half = quantile(count - 1) * math.sqrt(variance / count)
    return Score(metric, mean, mean - half, mean + half, tuple(values), details or {})


def difference(ours: Score, theirs: Score) -> Score:
    """Return ours minus theirs, paired by seed.

    Raises:
        DataError: the two were not scored on the same number of seeds.
    """
    if len(ours.seeds) != len(theirs.seeds) or not ours.seeds:
        raise DataError(
            f"{ours.metric}: a paired comparison needs one value per seed on both sides, "
            f"but there are {len(ours.seeds)} and {len(theirs.seeds)}."
        )
    return score_of(ours.metric, [a - b for a, b in zip(ours.seeds, theirs.seeds, strict=True)])


def quantile(degrees: int) -> float:
    """Return the 0.975 quantile of Student's t; from 31 degrees of freedom on, its expansion around the normal one."""
    if degrees <= len(_T):
        return _T[degrees - 1]
    z = 1.959964
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
