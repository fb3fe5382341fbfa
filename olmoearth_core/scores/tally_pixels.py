"""Metrics of class maps, from counts per image and class; no map is kept.

A bootstrap draws images, not pixels: pixels of one image are no independent observations.
"""

# N B images, H W pixels, K classes, R resamples, P labelled pixels
from __future__ import annotations

import numpy as np

from olmoearth_core.errors import DataError
from olmoearth_core.scores.curves import BinnedCurves, one_vs_rest
from olmoearth_core.scores.metrics import Floats, Ints, check_range, integers, of_pixels
from olmoearth_core.scores.tally_classes import counts_of

_CELLS = 2**22


class PixelTally:
    """One class per pixel: miou, overall_acc, macro_acc, macro_f1, micro_f1, f1_class_i; auroc and prauc if asked.

    matrix: all pixels counted [K true, K predicted].
    """

    def __init__(self, num_classes: int, curves: bool = False, *, exact: int = 2**24) -> None:
        """Start empty.

        curves: compute auroc and prauc too; `add` then needs scores. exact: number of scores (pixels x K) up to which
        the curves are exact and can be resampled (64 MiB of float32); beyond it scores are binned, see
        `olmoearth_core.scores.curves.BinnedCurves`, and a resampled curve is NaN.
        """
        self.matrix: Ints = np.zeros((num_classes, num_classes), np.int64)
        self._num_classes = num_classes
        self._sums_N3K: list[Ints] = []
        self._curves = _Curves(num_classes, exact) if curves else None

    def __len__(self) -> int:
        """Return the number of images so far."""
        return sum(len(part) for part in self._sums_N3K)

    def add(self, truth_BHW: np.ndarray, predicted_BHW: np.ndarray, scores_BKHW: np.ndarray | None = None) -> None:
        """Count a batch of images; truth -1 = ignore, whatever is predicted there.

        Raises:
            DataError: shapes differ, classes are not integers, there is no such class, or scores are missing.
        """
        truth, guess = integers(truth_BHW, "labels"), integers(predicted_BHW, "predictions")
        if truth.shape != guess.shape or truth.ndim < 2:
            raise DataError(
                f"Label maps have shape {truth.shape} and predictions {guess.shape}; expected equal [B,H,W]."
            )
        if self._curves is not None:
            expected = (truth.shape[0], self._num_classes, *truth.shape[1:])
            if scores_BKHW is None or np.shape(scores_BKHW) != expected:
                found = "none" if scores_BKHW is None else f"shape {np.shape(scores_BKHW)}"
                raise DataError(f"Curves need a score per class and pixel, {expected}; found {found}.")
        step = max(1, _CELLS // max(self._num_classes**2, truth[:1].size, 1))
        for at in range(0, len(truth), step):
            self._count(truth[at : at + step], guess[at : at + step])
            if self._curves is not None and scores_BKHW is not None:
                self._curves.add(truth[at : at + step], np.asarray(scores_BKHW[at : at + step]))

    def metrics(self) -> dict[str, float]:
        """Return all metrics."""
        ones = np.ones((1, len(self)))
        shared = {name: float(value[0]) for name, value in self._from_counts(ones).items()}
        averages = {name: value for name, value in shared.items() if not name.startswith("f1_class_")}
        return {**averages, **(self._curves.metrics(len(self)) if self._curves else {}), **shared}

    def resampled(self, rows: np.ndarray, metric: str) -> float:
        """Return one metric over the images `rows`."""
        return float(self.weighted(counts_of(rows, len(self)), metric)[0])

    def weighted(self, counts_RN: Floats, metric: str) -> Floats:
        """Return one metric [R] where image n occurs `counts_RN[r, n]` times."""
        if metric in ("auroc", "prauc") and self._curves is not None:
            return self._curves.weighted(counts_RN)[metric == "prauc"]
        return self._from_counts(counts_RN)[metric]

    def curve_errors(self) -> tuple[float, float]:
        """Return how far auroc and prauc can be from exact ones, (0, 0) while scores are not binned."""
        return self._curves.errors() if self._curves else (0.0, 0.0)

    def _count(self, truth: np.ndarray, guess: np.ndarray) -> None:
        size, k = len(truth), self._num_classes
        image, *_ = np.nonzero(truth != -1)
        valid = truth != -1
        truth, guess = truth[valid], guess[valid]
        check_range(truth, "labels", k)
        check_range(guess, "predictions", k)
        flat = (image * k + truth.astype(np.int64)) * k + guess.astype(np.int64)
        tables_BKK = np.bincount(flat, minlength=size * k * k).reshape(size, k, k)
        self.matrix += tables_BKK.sum(0)
        # Every metric needs hits, truth and predictions per class only: 3 K numbers per image instead of K x K.
        self._sums_N3K.append(np.stack([np.diagonal(tables_BKK, 0, 1, 2), tables_BKK.sum(2), tables_BKK.sum(1)], 1))

    def _from_counts(self, counts_RN: Floats) -> dict[str, Floats]:
        self._sums_N3K = [np.concatenate(self._sums_N3K)] if self._sums_N3K else []
        sums = np.zeros((len(counts_RN), 3 * self._num_classes))
        for part in self._sums_N3K:
            sums += counts_RN @ part.reshape(len(part), -1).astype(np.float64)
        hit, true, guessed = np.moveaxis(sums.reshape(-1, 3, self._num_classes), 1, 0)
        return of_pixels(hit, true, guessed)


class _Curves:
    """Scores of labelled pixels as they are, until there are too many to keep."""

    def __init__(self, num_classes: int, exact: int) -> None:
        self._num_classes, self._exact = num_classes, exact
        self._kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._size = self._images = 0
        self._binned: BinnedCurves | None = None

    def add(self, truth_BHW: np.ndarray, scores_BKHW: np.ndarray) -> None:
        image, *_ = np.nonzero(truth_BHW != -1)
        valid = truth_BHW != -1
        truth_P, scores_PK = truth_BHW[valid], np.moveaxis(scores_BKHW, 1, -1)[valid]
        self._size += scores_PK.size
        if self._binned is None and self._size > self._exact:
            self._binned = BinnedCurves(self._num_classes)
            for truth, scores, _ in self._kept:
                self._binned.add(truth, scores)
            self._kept = []
        if self._binned is None:
            self._kept.append((truth_P, scores_PK, image + self._images))
        else:
            self._binned.add(truth_P, scores_PK)
        self._images += len(truth_BHW)

    def metrics(self, images: int) -> dict[str, float]:
        auroc, prauc = (
            self._binned.areas() if self._binned else (float(v[0]) for v in self.weighted(np.ones((1, images))))
        )
        return {"auroc": auroc, "prauc": prauc}

    def errors(self) -> tuple[float, float]:
        return self._binned.errors() if self._binned else (0.0, 0.0)

    def weighted(self, counts_RN: Floats) -> tuple[Floats, Floats]:
        if self._binned is not None or not self._kept:
            return np.full(len(counts_RN), np.nan), np.full(len(counts_RN), np.nan)
        truth, scores, image = (np.concatenate(parts) for parts in zip(*self._kept, strict=True))
        return one_vs_rest(truth, scores, image, counts_RN)
