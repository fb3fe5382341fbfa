"""Numbers of spec/evaluation.md §10, checks 8-10 and 14."""

import numpy as np
import pytest

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.scores.metrics import (
    DEFAULTS,
    better,
    checked,
    confusion,
    direction,
    f1_per_class,
    from_confusion,
    key,
    names,
)

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


def test_a_label_without_a_class_is_named_in_the_message():
    with pytest.raises(DataError, match=r"4 classes; .* found 7, 9"):
        confusion(np.array([0, 9, 7, 1]), np.array([0, 0, 0, 0]), 4)


def test_the_score_of_one_class_needs_to_know_which():
    """Check 13."""
    assert key("class_f1", 2) == "f1_class_2"
    assert key("miou") == "miou"
    with pytest.raises(ConfigError, match="f1_class_0"):
        key("class_f1")


def test_a_primary_metric_that_is_not_computed_is_refused_with_those_that_are():
    """Check 13: several labels, but no f1 among the results."""
    assert checked("f1", names("multilabel", 2)) == "f1"
    with pytest.raises(ConfigError, match='found "f1", expected one of accuracy, macro_f1'):
        checked("f1", ["accuracy", "macro_f1"])
    with pytest.raises(ConfigError, match='Did you mean "macro_f1"'):
        checked("macrof1", names("classification", 3))


def test_every_default_metric_is_one_of_its_task_type():
    assert {task: DEFAULTS[task] in names(task) for task in DEFAULTS} == dict.fromkeys(DEFAULTS, True)
    assert names("scalar_regression", 3) == ("mae", "rmse", "neg_rmse", "r2")


def test_only_mae_and_rmse_are_better_when_lower():
    """Check 14."""
    every = {name for task in DEFAULTS for name in names(task, 2)}
    assert {name for name in every if direction(name) == -1} == {"mae", "rmse"}


def test_the_better_of_two_numbers_is_strictly_better_and_never_nan():
    nan = float("nan")
    assert better("rmse", 1.0, 2.0)
    assert better("neg_rmse", -1.0, -2.0)
    assert not better("miou", 0.5, 0.5)
    assert better("rmse", 1.0, nan)
    assert not better("rmse", nan, 1.0)
    assert not better("miou", nan, nan)
