"""Metrics of numbers, one per sample or one per pixel: mae, rmse, neg_rmse, r2.

Only moments per sample are kept, each around the mean of its own sample, so that r2 keeps its digits when targets are
far from zero (Chan, Golub and LeVeque 1983, updating formulae for sample variances).
"""

# B N samples, R resamples
from __future__ import annotations

import numpy as np

from olmoearth_core.errors import DataError
from olmoearth_core.scores.metrics import Floats
from olmoearth_core.scores.tally_classes import counts_of

_GUARD = 1e-8
_CELLS = 2**22


class ValueTally:
    """Numbers, scored where the truth is finite: mae, rmse, neg_rmse, r2 = 1 - SSE / (SST + 1e-8).

    A prediction that is not finite where the truth is makes all four NaN: a diverged model must not look good.
    """

    def __init__(self) -> None:
        """Start empty."""
        # count, sum |e|, sum e^2, mean of y, sum of (y - mean)^2, whether a prediction is not finite
        self._parts_N6: list[Floats] = []

    def __len__(self) -> int:
        """Return the number of samples so far."""
        return sum(len(part) for part in self._parts_N6)

    def add(self, truth: np.ndarray, predicted: np.ndarray) -> None:
        """Take a batch of maps [B,H,W] or of numbers [B]; truth NaN = unknown.

        Raises:
            DataError: shapes differ.
        """
        truth, predicted = np.asarray(truth), np.asarray(predicted)
        if truth.shape != predicted.shape or not truth.ndim:
            raise DataError(f"Targets have shape {truth.shape}, but predictions {predicted.shape}; expected the same.")
        step = max(1, _CELLS // max(1, truth[:1].size))
        for at in range(0, len(truth), step):
            y, guess = truth[at : at + step], predicted[at : at + step]
            self._parts_N6.append(_moments(y.reshape(len(y), -1), guess.reshape(len(y), -1)))

    def metrics(self) -> dict[str, float]:
        """Return all metrics.

        Raises:
            DataError: no target is finite.
        """
        parts = self._parts()
        if not parts[:, 0].sum():
            raise DataError(f"None of the targets of {len(parts)} samples is finite: there is nothing to score.")
        return {name: float(value[0]) for name, value in self._all(np.ones((1, len(parts)))).items()}

    def resampled(self, rows: np.ndarray, metric: str) -> float:
        """Return one metric over the samples `rows`; NaN where they have no finite target."""
        return float(self.weighted(counts_of(rows, len(self)), metric)[0])

    def weighted(self, counts_RN: Floats, metric: str) -> Floats:
        """Return one metric [R] where sample n occurs `counts_RN[r, n]` times."""
        return self._all(counts_RN)[metric]

    def _parts(self) -> Floats:
        self._parts_N6 = [np.concatenate(self._parts_N6)] if self._parts_N6 else [np.zeros((0, 6))]
        return self._parts_N6[0]

    def _all(self, counts_RN: Floats) -> dict[str, Floats]:
        count, absolute, square, mean, within, broken = self._parts().T
        # Means relative to the overall one: differences of large sums would lose the digits that r2 is made of.
        shift = mean - (count @ mean) / max(count.sum(), 1)
        columns = np.stack([count, absolute, square, count * shift, count * shift**2 + within, broken], 1)
        n, sum_abs, sum_sq, first, second, bad = (counts_RN @ columns).T
        n = np.where((n > 0) & (bad == 0), n, np.nan)
        total = np.maximum(second - first**2 / n, 0)
        rmse = np.sqrt(sum_sq / n)
        return {"mae": sum_abs / n, "rmse": rmse, "neg_rmse": -rmse,
                "r2": np.where(np.isnan(n), np.nan, 1 - sum_sq / (total + _GUARD))}  # fmt: skip


def _moments(truth_BP: np.ndarray, guess_BP: np.ndarray) -> Floats:
    known = np.isfinite(truth_BP)
    broken = (known & ~np.isfinite(guess_BP)).any(1)
    used = known & ~broken[:, None]
    y = np.where(known, truth_BP, 0).astype(np.float64)
    error = np.where(used, guess_BP, 0).astype(np.float64) - np.where(used, y, 0)
    count = known.sum(1)
    # The first known value is taken off before averaging, so that equal targets have a spread of exactly 0.
    origin = y[np.arange(len(y)), known.argmax(1)]
    relative = np.where(known, y - origin[:, None], 0)
    offset = relative.sum(1) / np.maximum(count, 1)
    within = (np.where(known, relative - offset[:, None], 0) ** 2).sum(1)
    return np.stack([count, np.abs(error).sum(1), (error**2).sum(1), origin + offset, within, broken], 1)
