"""Spec/evaluation.md §10, checks 10, 11 and 13; scikit-learn and torchmetrics as oracles."""

import warnings

import numpy as np
import pytest
import torch

from olmoearth_core.errors import DataError
from olmoearth_core.scores.tally import ClassTally, MultilabelTally

sklearn = pytest.importorskip("sklearn.metrics")
torchmetrics = pytest.importorskip("torchmetrics.functional.classification")

MULTI = MultilabelTally(
    np.array([[1, 0, 1], [1, 0, 0]]), np.array([[1, 0, 1], [0, 1, 0]]), np.array([[0.9, 0.1, 0.8], [0.4, 0.6, 0.2]])
)


def one_hot(labels, num_classes):
    return np.eye(num_classes)[labels]


def single(seed):
    """Random truth with unlabelled samples and absent classes, scores with many ties."""
    r = np.random.default_rng(seed)
    n, k = int(r.integers(5, 60)), int(r.integers(2, 7))
    truth = r.integers(-1, max(1, k - int(r.integers(0, 2))), n)
    return truth, r.integers(0, 4, (n, k)) / 4


def several(seed):
    r = np.random.default_rng(seed)
    n, k = int(r.integers(5, 60)), int(r.integers(2, 7))
    truth = (r.random((n, k)) < r.choice([0, 0.2, 0.7, 1.0], k)).astype(np.int64)
    scores = r.integers(0, 6, (n, k)) / 6
    return truth, (scores > 0.5).astype(np.int64), scores


def mean_of_usable(truth_NK, scores_NK, score):
    usable = [i for i in range(truth_NK.shape[1]) if 0 < truth_NK[:, i].sum() < len(truth_NK)]
    return np.mean([score(truth_NK[:, i], scores_NK[:, i]) for i in usable]) if usable else np.nan


def test_the_scores_of_four_samples_are_the_reference_ones():
    """Check 10."""
    found = ClassTally(np.array([0, 1, 1, 1]), one_hot([0, 2, 1, 1], 3)).metrics()
    assert list(found) == ["accuracy", "macro_f1", "auroc", "prauc", "f1_class_0", "f1_class_1", "f1_class_2"]
    expected = {"accuracy": 0.75, "macro_f1": 0.6, "f1_class_0": 1, "f1_class_1": 0.8, "f1_class_2": 0}
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_the_scores_of_two_samples_with_several_labels_are_the_reference_ones():
    """Check 11; class 1 has no positive, so AUROC leaves it out."""
    expected = {"accuracy": 0.5, "f1": 0.666667, "macro_f1": 0.555556, "micro_map": 0.916667, "auroc": 1, "prauc": 1,
                "f1_class_0": 0.666667, "f1_class_1": 0, "f1_class_2": 1}  # fmt: skip
    assert list(MULTI.metrics()) == list(expected)
    assert MULTI.metrics() == pytest.approx(expected, abs=1e-6)


def test_a_class_that_occurs_nowhere_does_not_shift_the_others():
    """§9.1 number 22."""
    found = ClassTally(np.array([0, 3, 3]), one_hot([0, 3, 0], 4)).metrics()
    assert [found[f"f1_class_{i}"] for i in range(4)] == pytest.approx([2 / 3, 0, 0, 2 / 3])
    assert found["macro_f1"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("seed", range(60))
def test_single_labels_agree_with_scikit_learn(seed):
    truth, scores = single(seed)
    found, guess = ClassTally(truth, scores).metrics(), scores.argmax(1)
    y, p, s = truth[truth >= 0], guess[truth >= 0], scores[truth >= 0]
    k = scores.shape[1]
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(y, p))
    assert found["macro_f1"] == pytest.approx(sklearn.f1_score(y, p, average="macro", zero_division=0))
    each = sklearn.f1_score(y, p, average=None, labels=range(k), zero_division=0)
    assert [found[f"f1_class_{i}"] for i in range(k)] == pytest.approx(each)
    auroc = mean_of_usable(one_hot(y, k), s, sklearn.roc_auc_score)
    assert found["auroc"] == pytest.approx(auroc, abs=1e-9, nan_ok=True)
    prauc = mean_of_usable(one_hot(y, k), s, sklearn.average_precision_score)
    assert found["prauc"] == pytest.approx(prauc, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("seed", range(60))
def test_several_labels_agree_with_scikit_learn(seed):
    truth, guess, scores = several(seed)
    found = MultilabelTally(truth, guess, scores).metrics()
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(truth, guess))
    assert found["f1"] == pytest.approx(sklearn.f1_score(truth, guess, average="micro", zero_division=0))
    assert found["macro_f1"] == pytest.approx(sklearn.f1_score(truth, guess, average="macro", zero_division=0))
    if truth.any():
        flat = sklearn.average_precision_score(truth.ravel(), scores.ravel())
        assert found["micro_map"] == pytest.approx(flat, abs=1e-9)
    auroc = mean_of_usable(truth, scores, sklearn.roc_auc_score)
    assert found["auroc"] == pytest.approx(auroc, abs=1e-9, nan_ok=True)
    prauc = mean_of_usable(truth, scores, sklearn.average_precision_score)
    assert found["prauc"] == pytest.approx(prauc, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("seed", range(10))
def test_scores_agree_with_torchmetrics(seed):
    r = np.random.default_rng(seed)
    truth, scores = r.permutation(np.arange(40) % 4), torch.rand(40, 4, generator=torch.manual_seed(seed)).softmax(1)
    found, y = ClassTally(truth, scores.numpy()).metrics(), torch.from_numpy(truth)
    auroc = torchmetrics.multiclass_auroc(scores, y, 4, average="macro")
    prauc = torchmetrics.multiclass_average_precision(scores, y, 4, average="macro")
    f1 = torchmetrics.multiclass_f1_score(scores, y, 4, average="macro")
    assert (found["auroc"], found["prauc"]) == pytest.approx((auroc.item(), prauc.item()), abs=1e-6)
    assert found["macro_f1"] == pytest.approx(f1.item(), abs=1e-6)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "auroc", "prauc", "f1_class_1"])
def test_resampling_equals_scoring_the_drawn_samples_of_one_label(metric):
    truth, scores = single(3)
    rows = np.random.default_rng(0).integers(0, len(truth), len(truth))
    again = ClassTally(truth[rows], scores[rows]).metrics()[metric]
    assert ClassTally(truth, scores).resampled(rows, metric) == pytest.approx(again)


@pytest.mark.parametrize("metric", ["accuracy", "f1", "macro_f1", "micro_map", "auroc", "prauc", "f1_class_1"])
def test_resampling_equals_scoring_the_drawn_samples_of_several_labels(metric):
    truth, guess, scores = several(1)
    rows = np.random.default_rng(0).integers(0, len(truth), len(truth))
    again = MultilabelTally(truth[rows], guess[rows], scores[rows]).metrics()[metric]
    assert 0 < again < 1
    assert MultilabelTally(truth, guess, scores).resampled(rows, metric) == pytest.approx(again)


def test_scores_that_are_not_numbers_have_no_curve():
    found = ClassTally(np.array([0, 1]), np.array([[np.nan, 0.5], [0.2, 0.8]])).metrics()
    assert np.isnan([found["auroc"], found["prauc"]]).all()
    truth = np.array([[1, 0], [0, 1]])
    multi = MultilabelTally(truth, truth, np.array([[np.nan, 0.5], [0.2, 0.8]])).metrics()
    assert np.isnan([multi["auroc"], multi["prauc"], multi["micro_map"]]).all()


def test_nothing_labelled_is_not_a_number_and_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ClassTally(np.array([-1, -1]), np.eye(2)).metrics()
    assert np.isnan([found[name] for name in ("accuracy", "macro_f1", "auroc", "prauc")]).all()
    assert found["f1_class_0"] == 0


def test_predictions_need_not_be_the_class_of_the_largest_score():
    tally = ClassTally(np.array([0, 1]), np.eye(2), np.array([1, 1]))
    assert (tally.metrics()["accuracy"], tally.metrics()["auroc"]) == (0.5, 1)


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda: ClassTally(np.array([0.0]), np.ones((1, 2))), "float64"),
        (lambda: ClassTally(np.array([0, 2]), np.ones((2, 2))), "found 2"),
        (lambda: ClassTally(np.array([0, -3]), np.ones((2, 2))), "found -3"),
        (lambda: ClassTally(np.array([0, 1]), np.ones((3, 2))), r"\(3, 2\)"),
        (lambda: ClassTally(np.array([0]), np.ones((1, 0))), r"\(1, 0\)"),
        (lambda: ClassTally(np.array([0]), np.ones((1, 2)), np.array([5])), "predictions"),
        (lambda: ClassTally(np.array([0]), np.ones((1, 2)), np.array([0, 1])), "predictions"),
        (lambda: MultilabelTally(np.array([[2]]), np.array([[1]]), np.ones((1, 1))), "labels"),
        (lambda: MultilabelTally(np.array([[1]]), np.array([[0.5]]), np.ones((1, 1))), "float64"),
        (lambda: MultilabelTally(np.array([[1]]), np.array([[1]]), np.ones((1, 2))), r"\(1, 2\)"),
    ],
)
def test_what_are_no_labels_is_refused_by_name(make, found):
    """Check 13."""
    with pytest.raises(DataError, match=found):
        make()
