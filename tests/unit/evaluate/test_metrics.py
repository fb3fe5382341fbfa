"""Numbers of spec/evaluation.md §10, checks 8-10 and 14."""

import numpy as np
import pytest

from olmoearth_core.errors import DataError
from olmoearth_core.evaluate.metrics import confusion, f1_per_class, from_confusion

EIGHT = confusion(np.array([[0, 1, 1, -1], [2, 0, 0, 1]]), np.array([[0, 0, 1, 1], [2, 2, 0, 1]]), 4)


def test_a_confusion_matrix_counts_truth_in_rows_and_skips_ignored_entries():
    assert EIGHT.tolist() == [[2, 0, 1, 0], [1, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_the_scores_of_a_small_map_are_the_reference_ones():
    scores = from_confusion(EIGHT)
    expected = {"accuracy": 5 / 7, "balanced_accuracy": 0.777778, "macro_f1": 0.711111, "miou": 0.555556}
    assert scores == pytest.approx(expected, abs=1e-6)
    assert f1_per_class(EIGHT) == pytest.approx([0.666667, 0.8, 0.666667, 0], abs=1e-6)


def test_a_class_that_is_only_predicted_lowers_iou_but_not_f1():
    scores = from_confusion(confusion(np.array([0, 1, 1, 1]), np.array([0, 1, 1, 3]), 4))
    expected = {"accuracy": 0.75, "balanced_accuracy": 0.833333, "macro_f1": 0.9, "miou": 0.555556}
    assert scores == pytest.approx(expected, abs=1e-6)


def test_f1_over_all_seen_classes_counts_a_wrongly_predicted_class_as_zero():
    matrix = confusion(np.array([0, 1, 1, 1]), np.array([0, 2, 1, 1]), 3)
    assert from_confusion(matrix, f1_over="seen")["macro_f1"] == pytest.approx(0.6)


def test_nothing_to_score_is_not_a_number():
    scores = from_confusion(confusion(np.array([-1, -1]), np.array([0, 1]), 2))
    assert all(np.isnan(value) for value in scores.values())


@pytest.mark.parametrize("labels", [np.array([0.0, 1.0]), np.array([0, 2]), np.array([-2, 0])])
def test_labels_that_are_not_classes_are_refused(labels):
    with pytest.raises(DataError, match="labels"):
        confusion(labels, np.array([0, 1]), 2)
