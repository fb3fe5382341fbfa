"""Metrics of whole samples: one class each, or several."""

# N samples, K classes, R resamples
from __future__ import annotations

import numpy as np

from olmoearth_core.errors import DataError
from olmoearth_core.scores.curves import Ranking, one_vs_rest
from olmoearth_core.scores.metrics import (
    Floats,
    check_range,
    integers,
    of_classes,
    of_labels,
    ratio,
)

_CELLS = 2**22


class ClassTally:
    """One class per sample: accuracy, macro_f1, auroc, prauc, f1_class_i.

    auroc and prauc are means over classes of one class against the rest; a class without positives or negatives is
    left out. Without a labelled sample all but f1_class_i (0) are NaN.
    """

    def __init__(self, truth_N: np.ndarray, scores_NK: np.ndarray, predicted_N: np.ndarray | None = None) -> None:
        """Take truth (-1 = unlabelled, not scored) and what was predicted, by default the class of largest score.

        Raises:
            DataError: shapes differ, classes are not integers, or there is no such class.
        """
        truth, scores = integers(np.asarray(truth_N), "labels"), np.asarray(scores_NK)
        if scores.ndim != 2 or not scores.shape[1] or truth.shape != scores.shape[:1]:
            raise DataError(f"Labels have shape {truth.shape} and scores {scores.shape}; expected [N] and [N,K].")
        guess = integers(scores.argmax(1) if predicted_N is None else np.asarray(predicted_N), "predictions")
        if guess.shape != truth.shape:
            raise DataError(f"Labels have shape {truth.shape}, but predictions {guess.shape}; expected the same.")
        self._size = len(truth)
        self._num_classes = scores.shape[1]
        self._at = np.flatnonzero(truth != -1)
        self._truth, self._guess = truth[self._at].astype(np.int64), guess[self._at].astype(np.int64)
        check_range(self._truth, "labels", self._num_classes)
        check_range(self._guess, "predictions", self._num_classes)
        self._scores = scores if len(self._at) == self._size else scores[self._at]

    def __len__(self) -> int:
        """Return N, unlabelled samples included."""
        return self._size

    def metrics(self) -> dict[str, float]:
        """Return all metrics."""
        ones = np.ones((1, self._size))
        auroc, prauc = self._curves(ones)
        shared = self._from_counts(ones)
        curves = {"auroc": auroc, "prauc": prauc}
        ordered = {"accuracy": self._accuracy(ones), "macro_f1": shared.pop("macro_f1"), **curves, **shared}
        return {name: float(value[0]) for name, value in ordered.items()}

    def resampled(self, rows: np.ndarray, metric: str) -> float:
        """Return one metric over the samples `rows`."""
        return float(self.weighted(counts_of(rows, self._size), metric)[0])

    def weighted(self, counts_RN: Floats, metric: str) -> Floats:
        """Return one metric [R] where sample n occurs `counts_RN[r, n]` times."""
        if metric == "accuracy":
            return self._accuracy(counts_RN)
        if metric in ("auroc", "prauc"):
            return self._curves(counts_RN)[metric == "prauc"]
        return self._from_counts(counts_RN)[metric]

    def _accuracy(self, counts_RN: Floats) -> Floats:
        columns = np.zeros((self._size, 2))
        columns[self._at, 0], columns[self._at, 1] = self._truth == self._guess, 1
        right, every = (counts_RN @ columns).T
        return ratio(right, every)

    def _curves(self, counts_RN: Floats) -> tuple[Floats, Floats]:
        return one_vs_rest(self._truth, self._scores, self._at, counts_RN)

    def _from_counts(self, counts_RN: Floats) -> dict[str, Floats]:
        right, k = self._truth == self._guess, self._num_classes
        at, own = self._at, self._truth[right]
        sums = [(np.bincount(own, row[at[right]], k), np.bincount(self._truth, row[at], k),
                 np.bincount(self._guess, row[at], k)) for row in counts_RN]  # fmt: skip
        hit, true, guessed = np.moveaxis(np.array(sums, np.float64), 1, 0)
        return of_classes(hit, true, guessed)


class MultilabelTally:
    """Several classes per sample: accuracy (exact match), f1 (micro), macro_f1, micro_map, auroc, prauc, f1_class_i.

    micro_map is the average precision of all N x K cells together, NaN where none is positive.
    """

    def __init__(self, truth_NK: np.ndarray, predicted_NK: np.ndarray, scores_NK: np.ndarray) -> None:
        """Take 0/1 truth, 0/1 predictions and scores of any scale.

        Raises:
            DataError: shapes differ, or something is neither 0 nor 1.
        """
        self._truth = _binary(truth_NK, "labels")
        self._guess = _binary(predicted_NK, "predictions")
        self._scores = np.asarray(scores_NK)
        shapes = self._truth.shape, self._guess.shape, self._scores.shape
        if len(shapes[0]) != 2 or len(set(shapes)) != 1:
            raise DataError(f"Labels, predictions and scores have shapes {shapes}; expected [N,K] for all three.")

    def __len__(self) -> int:
        """Return N."""
        return len(self._truth)

    def metrics(self) -> dict[str, float]:
        """Return all metrics."""
        ones = np.ones((1, len(self)))
        auroc, prauc = self._curves(ones)
        shared = self._from_counts(ones)
        first = {name: shared.pop(name) for name in ("accuracy", "f1", "macro_f1")}
        ordered = {**first, "micro_map": self._micro_map(ones), "auroc": auroc, "prauc": prauc, **shared}
        return {name: float(value[0]) for name, value in ordered.items()}

    def resampled(self, rows: np.ndarray, metric: str) -> float:
        """Return one metric over the samples `rows`."""
        return float(self.weighted(counts_of(rows, len(self)), metric)[0])

    def weighted(self, counts_RN: Floats, metric: str) -> Floats:
        """Return one metric [R] where sample n occurs `counts_RN[r, n]` times."""
        if metric == "micro_map":
            return self._micro_map(counts_RN)
        if metric in ("auroc", "prauc"):
            return self._curves(counts_RN)[metric == "prauc"]
        return self._from_counts(counts_RN)[metric]

    def _curves(self, counts_RN: Floats) -> tuple[Floats, Floats]:
        return one_vs_rest(self._truth, self._scores, np.arange(len(self)), counts_RN)

    def _micro_map(self, counts_RN: Floats) -> Floats:
        if np.isnan(self._scores).any():
            return np.full(len(counts_RN), np.nan)
        sample = np.repeat(np.arange(len(self)), self._truth.shape[1])
        return Ranking(self._truth.ravel() == 1, self._scores.ravel(), sample).areas(counts_RN)[1]

    def _from_counts(self, counts_RN: Floats) -> dict[str, Floats]:
        num_classes = self._truth.shape[1]
        sums = np.zeros((len(counts_RN), 3 * num_classes + 1))
        # By blocks of samples, because 0/1 matrices take eight times their size as floats.
        step = max(1, _CELLS // max(1, 3 * num_classes))
        for at in range(0, len(self), step):
            truth, guess = self._truth[at : at + step], self._guess[at : at + step]
            same = (truth == guess).all(1, keepdims=True)
            sums += counts_RN[:, at : at + step] @ np.hstack([truth & guess, truth, guess, same]).astype(np.float64)
        hit, true, guessed = np.moveaxis(sums[:, :-1].reshape(-1, 3, num_classes), 1, 0)
        return {"accuracy": sums[:, -1] / counts_RN.sum(1), **of_labels(hit, true, guessed)}


def counts_of(rows: np.ndarray, num_samples: int) -> Floats:
    """Return how often each sample occurs among `rows` [1,N]."""
    return np.bincount(np.asarray(rows), minlength=num_samples)[None].astype(np.float64)


def _binary(values: np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(values)
    values = integers(values.astype(np.uint8) if values.dtype == bool else values, name)
    check_range(values, name, 2)
    return values.astype(np.uint8)
