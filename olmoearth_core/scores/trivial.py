"""The answer that never looks: what every score is to be read against.

It says the most frequent class of the training labels, for every class whether most samples have it, or the mean.
"""

# N samples, K classes
from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.evaluation import TaskType
from olmoearth_core.scores.metrics import Floats, check_range, integers
from olmoearth_core.scores.tally import ClassTally, MultilabelTally, PixelTally, Tally, ValueTally

_CELLS = 2**22


def chance(truth_train: np.ndarray, truth_test: np.ndarray, task_type: TaskType, num_classes: int) -> Tally:
    """Return the tally of always giving the same answer, found on the training labels alone.

    Labels are stacked, as of `LabelledSample.label`. The score of a class is its share of the training labels.

    Raises:
        DataError: no training label is known, or labels do not fit the task type.
    """
    if task_type in ("regression", "scalar_regression"):
        return _values(truth_train, truth_test)
    if task_type == "multilabel":
        return _labels(truth_train, truth_test)
    share_K = _shares(truth_train, num_classes)
    if task_type == "classification":
        return ClassTally(truth_test, np.broadcast_to(share_K, (len(truth_test), num_classes)))
    pixels = PixelTally(num_classes)
    for part in _blocks(truth_test):
        pixels.add(part, np.full(part.shape, share_K.argmax()))
    return pixels


def _values(truth_train: np.ndarray, truth_test: np.ndarray) -> Tally:
    total, count = 0.0, 0
    for part in _blocks(truth_train):
        known = np.isfinite(part)
        total, count = total + float(part[known].sum(dtype=np.float64)), count + int(known.sum())
    _require(count, truth_train)
    tally = ValueTally()
    for part in _blocks(truth_test):
        tally.add(part, np.full(part.shape, total / count))
    return tally


def _labels(truth_train: np.ndarray, truth_test: np.ndarray) -> Tally:
    _require(len(truth_train), truth_train)
    share_K = np.asarray(truth_train).mean(0)
    scores = np.broadcast_to(share_K, np.shape(truth_test))
    return MultilabelTally(truth_test, (scores > 0.5).astype(np.uint8), scores)


def _shares(truth: np.ndarray, num_classes: int) -> Floats:
    counts = np.zeros(num_classes, np.int64)
    for part in _blocks(integers(truth, "labels")):
        known = part[part != -1]
        check_range(known, "labels", num_classes)
        counts += np.bincount(known, minlength=num_classes)
    _require(int(counts.sum()), truth)
    shares: Floats = counts / counts.sum()
    return shares


def _blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Yield some samples at a time: labels of a dense task may be mapped from a file larger than memory."""
    step = max(1, _CELLS // max(1, array[:1].size))
    for at in range(0, len(array), step):
        yield array[at : at + step]


def _require(known: int, truth: np.ndarray) -> None:
    if not known:
        raise DataError(
            f"None of the training labels of {len(truth)} samples is known: there is nothing to learn from."
        )
