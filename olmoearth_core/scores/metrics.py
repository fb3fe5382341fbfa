"""What every metric is called, which way it is better, and how counts of hits become scores.

Rules that differ between libraries: recall and F1 are averaged over classes that occur in the truth (or, for
`f1_over="seen"`, in truth or prediction); IoU over classes that occur in either, so a class that is only ever
predicted counts as 0 there. An average over no class is NaN. F1 by class always goes by the class index.
"""

# K classes; [...,K] = any number of leading axes, such as resamples
from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from olmoearth_core.choice import one_of
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.evaluation import TaskType

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DEFAULTS: Mapping[TaskType, str] = {
    "classification": "accuracy",
    "multilabel": "f1",
    "segmentation": "miou",
    "regression": "neg_rmse",
    "scalar_regression": "neg_rmse",
}
"""What a task is selected and reported by where nobody says otherwise."""
_LOWER_IS_BETTER = ("mae", "rmse")
_REGRESSION = ("mae", "rmse", "neg_rmse", "r2")
_NAMES: Mapping[TaskType, tuple[str, ...]] = {
    "classification": ("accuracy", "macro_f1", "auroc", "prauc"),
    "multilabel": ("accuracy", "f1", "macro_f1", "micro_map", "auroc", "prauc"),
    "segmentation": ("miou", "overall_acc", "macro_acc", "macro_f1", "micro_f1", "auroc", "prauc"),
    "regression": _REGRESSION,
    "scalar_regression": _REGRESSION,
}


def names(task_type: TaskType, num_classes: int = 0) -> tuple[str, ...]:
    """Return every metric of a task type; those of pixels include auroc and prauc, which are optional there."""
    with_classes = "macro_f1" in _NAMES[task_type]
    return (*_NAMES[task_type], *(f"f1_class_{i}" for i in range(num_classes if with_classes else 0)))


def key(metric: str, index: int | None = None) -> str:
    """Return the name under which a metric is computed; `class_f1` becomes `f1_class_<index>`.

    Raises:
        ConfigError: `class_f1` without the index of a class.
    """
    if metric != "class_f1":
        return metric
    if index is None or index < 0:
        raise ConfigError(
            f'primary metric "class_f1": found class {index}, expected the index of one, e.g. f1_class_0.'
        )
    return f"f1_class_{index}"


def checked(primary: str, available: Iterable[str], *, where: str = "primary metric") -> str:
    """Return a primary metric that is among those computed.

    Raises:
        ConfigError: it is not; the message lists those that are.
    """
    return one_of(key(primary), available, where)


def direction(metric: str) -> Literal[1, -1]:
    """Return 1 where higher is better, -1 where lower is (mae and rmse only)."""
    return -1 if metric in _LOWER_IS_BETTER else 1


def better(metric: str, a: float, b: float) -> bool:
    """Return whether a is strictly better than b; any number is better than NaN, and NaN than nothing."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(b) and not math.isnan(a)
    return direction(metric) * a > direction(metric) * b


def of_classes(hit: Floats, true: Floats, guessed: Floats) -> dict[str, Floats]:
    """Return macro_f1, over classes seen in truth or prediction, and f1_class_i, of counts [...,K]."""
    each = f1(hit, true, guessed)
    return {"macro_f1": mean_where(each, true + guessed > 0), **_by_class(each)}


def of_labels(hit: Floats, true: Floats, guessed: Floats) -> dict[str, Floats]:
    """Return f1 (micro), macro_f1, over all classes, and f1_class_i, of counts [...,K] of several labels per sample.

    A class without any truth or prediction has F1 0 and is averaged too, as scikit-learn does for label matrices.
    """
    each = f1(hit, true, guessed)
    micro = f1(hit.sum(-1), true.sum(-1), guessed.sum(-1))
    return {"f1": micro, "macro_f1": mean_where(each, np.ones(each.shape, bool)), **_by_class(each)}


def of_pixels(hit: Floats, true: Floats, guessed: Floats) -> dict[str, Floats]:
    """Return miou, overall_acc, macro_acc, macro_f1, micro_f1 and f1_class_i of counts [...,K].

    Without a valid pixel overall_acc, micro_f1 and f1_class_i are 0, the averages NaN.
    """
    there, seen = true > 0, true + guessed > 0
    each = f1(hit, true, guessed)
    return {
        "miou": mean_where(_divide(hit, true + guessed - hit), seen),
        "overall_acc": _divide(hit.sum(-1), true.sum(-1)),
        "macro_acc": mean_where(_divide(hit, true), there),
        "macro_f1": mean_where(each, there),
        "micro_f1": f1(hit.sum(-1), true.sum(-1), guessed.sum(-1)),
        **_by_class(each),
    }


def f1(hit: Floats, true: Floats, guessed: Floats) -> Floats:
    """Return 2 hit / (true + guessed), 0 where there is neither."""
    return _divide(2.0 * hit, true + guessed)


def mean_where(values: Floats, chosen: npt.NDArray[np.bool_]) -> Floats:
    """Return the mean over the chosen entries of the last axis, NaN where none is chosen."""
    count = chosen.sum(-1)
    total = np.where(chosen, values, 0.0).sum(-1)
    return ratio(total, count)


def ratio(part: Floats, whole: Floats) -> Floats:
    """Return part / whole, NaN where the whole is 0."""
    result: Floats = np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) > 0)
    return result


def _divide(part: Floats, whole: Floats) -> Floats:
    result: Floats = np.divide(part, whole, out=np.zeros(np.shape(whole)), where=np.asarray(whole) > 0)
    return result


def _by_class(each: Floats) -> dict[str, Floats]:
    return {f"f1_class_{i}": each[..., i] for i in range(each.shape[-1])}


def integers(values: np.ndarray, name: str) -> np.ndarray:
    """Return class indices as they are.

    Raises:
        DataError: they are no integers.
    """
    values = np.asarray(values)
    if not np.issubdtype(values.dtype, np.integer):
        raise DataError(f"{name} have dtype {values.dtype}, but classes are integers. Round or encode them first.")
    return values


def check_range(values: np.ndarray, name: str, num_classes: int) -> None:
    """Refuse values that are no class.

    Raises:
        DataError: some are below 0 or not below K; the message names them.
    """
    if values.size and (values.min() < 0 or values.max() >= num_classes):
        strange = np.unique(values[(values < 0) | (values >= num_classes)])
        shown = ", ".join(map(str, strange[:5].tolist())) + (" ..." if len(strange) > 5 else "")
        raise DataError(
            f"{name} run from {values.min()} to {values.max()}, but there are {num_classes} classes; "
            f"expected 0 ... {num_classes - 1} (in the truth also -1 = ignore), found {shown}."
        )


def confusion(truth: np.ndarray, predicted: np.ndarray, num_classes: int) -> Ints:
    """Count [K true, K predicted] over entries whose truth is not -1.

    Raises:
        DataError: labels are not integers, or lie outside -1 ... K-1.
    """
    truth, predicted = integers(truth, "labels").ravel(), integers(predicted, "predictions").ravel()
    valid = truth != -1
    truth, predicted = truth[valid], predicted[valid]
    check_range(truth, "labels", num_classes)
    check_range(predicted, "predictions", num_classes)
    flat = truth.astype(np.int64) * num_classes + predicted.astype(np.int64)
    return np.bincount(flat, minlength=num_classes**2).reshape(num_classes, num_classes)


def from_confusion(matrix: np.ndarray, *, f1_over: Literal["truth", "seen"] = "truth") -> dict[str, float]:
    """Return accuracy, balanced_accuracy, macro_f1 and miou of a confusion matrix [K,K]; NaN without any entry."""
    hit = np.diag(matrix).astype(np.float64)
    true, guessed = matrix.sum(1).astype(np.float64), matrix.sum(0).astype(np.float64)
    scores = of_pixels(hit, true, guessed)
    seen = of_classes(hit, true, guessed)["macro_f1"]
    return {
        "accuracy": float(scores["overall_acc"]) if true.sum() else math.nan,
        "balanced_accuracy": float(scores["macro_acc"]),
        "macro_f1": float(seen if f1_over == "seen" else scores["macro_f1"]),
        "miou": float(scores["miou"]),
    }


def f1_per_class(matrix: np.ndarray) -> Floats:
    """Return F1 by class index [K]; a class that occurs nowhere has 0."""
    return f1(np.diag(matrix).astype(np.float64), matrix.sum(1), matrix.sum(0))
