import numpy as np
import pytest

from olmoearth_core.errors import DataError
from olmoearth_core.scores.metrics import names
from olmoearth_core.scores.trivial import chance


def test_the_most_frequent_training_class_is_always_the_answer():
    found = chance(np.array([1, 1, 0, -1]), np.array([1, 0, 0, 2]), "classification", 3).metrics()
    assert found["accuracy"] == 0.25
    assert found["auroc"] == 0.5  # the same scores for all say nothing


def test_every_pixel_gets_the_most_frequent_training_class():
    train, test = np.array([[[0, 2], [2, -1]]]), np.array([[[2, 2], [0, -1]]])
    found = chance(train, test, "segmentation", 3).metrics()
    assert found["overall_acc"] == pytest.approx(2 / 3)
    assert found["miou"] == pytest.approx(1 / 3)


def test_a_class_is_given_to_all_samples_if_most_have_it():
    found = chance(np.array([[1, 0], [1, 1], [1, 0]]), np.array([[1, 1], [0, 0]]), "multilabel", 2).metrics()
    assert (found["f1_class_0"], found["f1_class_1"]) == (pytest.approx(2 / 3), 0)


@pytest.mark.parametrize(("task_type", "shape"), [("scalar_regression", (4,)), ("regression", (1, 2, 2))])
def test_the_mean_of_the_training_targets_explains_no_variance(task_type, shape):
    known = np.array([1.0, 2.0, 3.0, np.nan]).reshape(shape)
    found = chance(known, known, task_type, 1).metrics()
    assert (found["mae"], found["r2"]) == pytest.approx((2 / 3, 0), abs=1e-8)


def test_it_is_scored_by_the_metrics_of_its_task_type():
    found = chance(np.array([[0, 1], [1, 1]]), np.array([[1, 0]]), "multilabel", 2).metrics()
    assert tuple(found) == names("multilabel", 2)
    assert tuple(chance(np.array([0]), np.array([0]), "classification", 2).metrics()) == names("classification", 2)


@pytest.mark.parametrize(
    ("labels", "task_type"),
    [
        (np.array([-1, -1]), "classification"),
        (np.full((1, 2, 2), -1), "segmentation"),
        (np.array([np.nan]), "scalar_regression"),
        (np.zeros((0, 2), int), "multilabel"),
        (np.array([0.5]), "classification"),
        (np.array([7]), "classification"),
    ],
)
def test_labels_that_teach_nothing_are_refused(labels, task_type):
    with pytest.raises(DataError):
        chance(labels, labels, task_type, 2)
