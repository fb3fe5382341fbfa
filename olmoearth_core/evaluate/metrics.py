"""What a confusion matrix says: accuracy, balanced accuracy, macro F1, mean IoU.

Rules that differ between libraries: recall and F1 are averaged over classes that occur in the truth (or, for
`f1_over="seen"`, in truth or prediction); IoU over classes that occur in either, so a class that is only ever
predicted counts as 0 there. Nothing to score gives NaN, never a silent 0.
"""

# K classes
from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from olmoearth_core.errors import DataError


def confusion(truth: np.ndarray, predicted: np.ndarray, num_classes: int) -> npt.NDArray[np.int64]:
    """Count [K true, K predicted] over entries whose truth is not -1.

    Raises:
        DataError: labels are not integers, or lie outside -1 ... K-1.
    """
    truth, predicted = np.asarray(truth).ravel(), np.asarray(predicted).ravel()
    for name, values in (("labels", truth), ("predictions", predicted)):
        if not np.issubdtype(values.dtype, np.integer):
            raise DataError(f"{name} have dtype {values.dtype}, but classes are integers. Round or encode them first.")
    valid = truth != -1
    truth, predicted = truth[valid], predicted[valid]
    for name, values in (("labels", truth), ("predictions", predicted)):
        if values.size and (values.min() < 0 or values.max() >= num_classes):
            raise DataError(f"{name} run from {values.min()} to {values.max()}, but there are {num_classes} classes.")
    flat = truth.astype(np.int64) * num_classes + predicted.astype(np.int64)
    return np.bincount(flat, minlength=num_classes**2).reshape(num_classes, num_classes)


def from_confusion(matrix: np.ndarray, *, f1_over: Literal["truth", "seen"] = "truth") -> dict[str, float]:
    """Return accuracy, balanced_accuracy, macro_f1 and miou of a confusion matrix [K, K]."""
    hit = np.diag(matrix).astype(np.float64)
    true, guessed = matrix.sum(1).astype(np.float64), matrix.sum(0).astype(np.float64)
    seen = (true + guessed) > 0
    counted = seen if f1_over == "seen" else true > 0
    union = true + guessed - hit
    return {
        "accuracy": _ratio(hit.sum(), true.sum()),
        "balanced_accuracy": _mean(hit[true > 0] / true[true > 0]),
        "macro_f1": _mean(2 * hit[counted] / (true + guessed)[counted]),
        "miou": _mean(hit[seen] / union[seen]),
    }


def f1_per_class(matrix: np.ndarray) -> npt.NDArray[np.float64]:
    """Return F1 by class index [K]; a class that occurs nowhere has 0."""
    both = matrix.sum(0) + matrix.sum(1)
    scores: npt.NDArray[np.float64] = np.divide(2.0 * np.diag(matrix), both, out=np.zeros(len(matrix)), where=both > 0)
    return scores


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
