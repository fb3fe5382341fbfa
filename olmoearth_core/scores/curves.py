"""Area under the ROC and the precision-recall curve, with ties and with weights.

Entries of equal score are one step of a curve, so their order never matters. Weights are how often an entry counts,
which makes a bootstrap of a curve a sum along one sorted axis instead of a new sort per resample.
"""

# R resamples, N samples, P entries (pixels, or label cells), G groups of equal score, K classes
from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from olmoearth_core.errors import DataError
from olmoearth_core.scores.metrics import Floats, Ints, mean_where, ratio

_CELLS = 2**17
_ROUNDING = 1e-4
_SHIFT = 15
_HALF = (np.float32(0.5).view(np.int32) >> _SHIFT) + 1
BINS = int(2 * _HALF)
"""Bins of a streamed curve: 32,257 per half of [0,1]."""


def areas(true_RG: Floats, false_RG: Floats) -> tuple[Floats, Floats]:
    """Return AUROC [R] and average precision [R] of cumulated positives and negatives, highest score first.

    AUROC is the trapezoid rule; average precision is the sum of (gain in recall) x precision, without interpolation.
    AUROC is NaN without both kinds, average precision without a positive.
    """
    positives, negatives = true_RG[:, -1], false_RG[:, -1]
    gain, step = np.diff(true_RG, axis=1, prepend=0.0), np.diff(false_RG, axis=1, prepend=0.0)
    area = (step * (true_RG - gain / 2)).sum(1)
    total = true_RG + false_RG
    precision = np.divide(true_RG, total, out=np.zeros_like(total), where=total > 0)
    return ratio(area, positives * negatives), ratio((gain * precision).sum(1), positives)


class Ranking:
    """Entries sorted by score once, then weighted as often as needed."""

    def __init__(self, positive_P: np.ndarray, score_P: np.ndarray, sample_P: np.ndarray) -> None:
        """Sort; `sample_P` is the sample that each entry belongs to and takes its weight from."""
        order = np.argsort(score_P, kind="stable")[::-1]
        score, self._positive = score_P[order], positive_P[order].astype(np.float64)
        self._sample = sample_P[order]
        self._starts = np.flatnonzero(np.r_[True, score[1:] != score[:-1]]) if len(score) else np.zeros(0, np.int64)

    def areas(self, counts_RN: Floats) -> tuple[Floats, Floats]:
        """Return AUROC [R] and average precision [R] where sample n counts `counts_RN[r, n]` times."""
        if not len(self._starts):
            return np.full(len(counts_RN), np.nan), np.full(len(counts_RN), np.nan)
        step = max(1, _CELLS // len(self._sample))
        parts = [self._areas(counts_RN[at : at + step]) for at in range(0, len(counts_RN), step)]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def _areas(self, counts_RN: Floats) -> tuple[Floats, Floats]:
        weight = counts_RN[:, self._sample]
        every = np.add.reduceat(weight, self._starts, axis=1)
        weight *= self._positive
        true = np.add.reduceat(weight, self._starts, axis=1)
        return areas(np.cumsum(true, 1), np.cumsum(every - true, 1))


def one_vs_rest(
    truth_P: np.ndarray, scores_PK: np.ndarray, sample_P: np.ndarray, counts_RN: Floats
) -> tuple[Floats, Floats]:
    """Return mean AUROC [R] and mean average precision [R] over the classes that have positives and negatives.

    truth_P: class indices, or a matrix [P,K] of 0 and 1. NaN where no class is left, or where any score is NaN.
    """
    num_classes = scores_PK.shape[1]
    if np.isnan(scores_PK).any():
        return np.full(len(counts_RN), np.nan), np.full(len(counts_RN), np.nan)
    found = []
    for i in range(num_classes):
        positive = truth_P[:, i] == 1 if truth_P.ndim == 2 else truth_P == i
        found.append(Ranking(positive, scores_PK[:, i], sample_P).areas(counts_RN))
    return over_classes(np.stack([f[0] for f in found], 1), np.stack([f[1] for f in found], 1))


def over_classes(auroc_RK: Floats, prauc_RK: Floats) -> tuple[Floats, Floats]:
    """Return both means over the classes whose AUROC exists."""
    usable = ~np.isnan(auroc_RK)
    return mean_where(auroc_RK, usable), mean_where(prauc_RK, usable)


@dataclass
class BinnedCurves:
    """Curves of any number of entries in bounded memory: counts per class and bin of the score.

    Scores are probabilities. A bin holds scores that agree in the leading 8 bits of the mantissa of p, or of 1 - p
    above 0.5, so bins are fine near 0 and 1, where a softmax puts most of its values. Scores within a bin count as
    tied; `errors` bounds what that can change. 1 MiB per class.
    """

    num_classes: int
    broken: bool = False
    counts_2KB: Ints = field(init=False)

    def __post_init__(self) -> None:
        """Allocate counts of negatives and positives."""
        self.counts_2KB = np.zeros((2, self.num_classes, BINS), np.int64)

    def add(self, truth_P: np.ndarray, scores_PK: np.ndarray) -> None:
        """Count entries."""
        self.broken |= bool(np.isnan(scores_PK).any())
        for i in range(0 if self.broken else self.num_classes):
            at = _bins(scores_PK[:, i]) + BINS * (truth_P == i)
            self.counts_2KB[:, i] += np.bincount(at, minlength=2 * BINS).reshape(2, BINS)

    def areas(self) -> tuple[float, float]:
        """Return mean AUROC and mean average precision over the classes that have positives and negatives."""
        if self.broken:
            return float("nan"), float("nan")
        false, true = np.cumsum(self.counts_2KB[:, :, ::-1].astype(np.float64), -1)
        auroc, prauc = over_classes(*(each[None] for each in areas(true, false)))
        return float(auroc[0]), float(prauc[0])

    def errors(self) -> tuple[float, float]:
        """Return how far both means can be from those of the exact scores.

        AUROC: half of the pairs that share a bin. Average precision: every positive of a bin lies between the
        precision of its best and of its worst order.
        """
        negative, positive = self.counts_2KB[:, :, ::-1].astype(np.float64)
        before_true, before_false = np.cumsum(positive, 1) - positive, np.cumsum(negative, 1) - negative
        pairs = positive.sum(1) * negative.sum(1)
        auroc = ratio((positive * negative).sum(1) / 2, pairs)
        best = (before_true + positive) / np.maximum(before_true + positive + before_false, 1)
        worst = (before_true + 1) / (before_true + 1 + before_false + negative)
        gap = np.where(positive > 0, best - worst, 0)
        prauc = ratio((positive * gap).sum(1), positive.sum(1))
        first, second = over_classes(auroc[None], prauc[None])
        return float(first[0]), float(second[0])


def _bins(score_P: np.ndarray) -> npt.NDArray[np.int64]:
    """Return the bin of each probability, ascending; the order of positive floats is that of their bits."""
    score = score_P.astype(np.float32, copy=False)
    if score.size and (score.min() < -_ROUNDING or score.max() > 1 + _ROUNDING):
        raise DataError(
            f"Scores run from {score.min():g} to {score.max():g}, but curves of this many pixels need probabilities "
            f"in 0 ... 1. Pass the softmax of the logits."
        )
    upper = score > np.float32(0.5)
    # A rounded softmax can leave [0,1] by an ulp, and the bits of -0.0 are not those of 0.
    folded = np.maximum(np.where(upper, np.float32(1) - score, score), np.float32(0)) + np.float32(0)
    at = (np.ascontiguousarray(folded).view(np.int32) >> _SHIFT).astype(np.int64)
    return np.where(upper, BINS - 1 - at, at)
