"""Spec/evaluation.md §10, checks 8, 9, 13 and 14; scikit-learn and torchmetrics as oracles."""

import numpy as np
import pytest
import torch

from olmoearth_core.errors import DataError
from olmoearth_core.scores.tally import PixelTally

sklearn = pytest.importorskip("sklearn.metrics")
torchmetrics = pytest.importorskip("torchmetrics.functional.classification")

TRUTH = np.array([[[0, 1, 1, -1], [2, 0, 0, 1]]])
GUESS = np.array([[[0, 0, 1, 1], [2, 2, 0, 1]]])


def tally(truth, guess, num_classes, scores=None, **options):
    made = PixelTally(num_classes, curves=scores is not None, **options)
    made.add(truth, guess, scores)
    return made


def scene(seed, images=6, side=5):
    """Random maps with ignored pixels, absent classes and tied scores."""
    r = np.random.default_rng(seed)
    k = int(r.integers(2, 6))
    truth = r.integers(-1, max(1, k - int(r.integers(0, 2))), (images, side, side))
    scores = np.moveaxis(r.dirichlet(np.ones(k), truth.shape).round(1), -1, 1).astype(np.float32)
    return truth, scores.argmax(1), scores


def test_the_scores_of_a_small_map_are_the_reference_ones():
    """Check 8."""
    scores = np.moveaxis(np.eye(4)[GUESS], -1, 1)
    found = tally(TRUTH, GUESS, 4, scores)
    expected = {"miou": 0.555556, "overall_acc": 0.714286, "macro_acc": 0.777778, "macro_f1": 0.711111,
                "micro_f1": 0.714286, "auroc": 0.819444, "prauc": 0.632275,
                "f1_class_0": 0.666667, "f1_class_1": 0.8, "f1_class_2": 0.666667, "f1_class_3": 0}  # fmt: skip
    assert found.matrix.tolist() == [[2, 0, 1, 0], [1, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert list(found.metrics()) == list(expected)
    assert found.metrics() == pytest.approx(expected, abs=1e-6)


def test_a_class_that_is_only_predicted_lowers_iou_but_not_f1():
    """Check 9."""
    found = tally(np.array([[[0, 1, 1, 1]]]), np.array([[[0, 1, 1, 3]]]), 4).metrics()
    expected = {"miou": 0.555556, "macro_f1": 0.9, "macro_acc": 0.833333, "overall_acc": 0.75}
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)


def test_where_every_pixel_is_ignored_averages_are_not_a_number_and_ratios_are_0():
    """Checks 13 and 14, §9.1 number 30."""
    found = tally(np.full((2, 2, 2), -1), np.zeros((2, 2, 2), int), 3, np.ones((2, 3, 2, 2))).metrics()
    nan = {name for name, value in found.items() if np.isnan(value)}
    assert nan == {"miou", "macro_acc", "macro_f1", "auroc", "prauc"}
    assert {found[name] for name in found.keys() - nan} == {0.0}


@pytest.mark.parametrize("seed", range(40))
def test_maps_agree_with_scikit_learn(seed):
    truth, guess, scores = scene(seed)
    found, k = tally(truth, guess, scores.shape[1], scores).metrics(), scores.shape[1]
    y, p, s = truth[truth >= 0], guess[truth >= 0], np.moveaxis(scores, 1, -1)[truth >= 0]
    there = sorted(set(y))
    assert found["overall_acc"] == pytest.approx(sklearn.accuracy_score(y, p))
    assert found["micro_f1"] == pytest.approx(sklearn.f1_score(y, p, average="micro"))
    assert found["macro_acc"] == pytest.approx(sklearn.recall_score(y, p, average="macro", labels=there))
    macro = sklearn.f1_score(y, p, average="macro", labels=there, zero_division=0)
    assert found["macro_f1"] == pytest.approx(macro)
    assert found["miou"] == pytest.approx(sklearn.jaccard_score(y, p, average="macro", zero_division=0))
    each = sklearn.f1_score(y, p, average=None, labels=range(k), zero_division=0)
    assert [found[f"f1_class_{i}"] for i in range(k)] == pytest.approx(each)
    usable = [i for i in range(k) if 0 < (y == i).sum() < len(y)]
    auroc = [sklearn.roc_auc_score(y == i, s[:, i]) for i in usable]
    prauc = [sklearn.average_precision_score(y == i, s[:, i]) for i in usable]
    expected = (np.mean(auroc), np.mean(prauc)) if usable else (np.nan, np.nan)
    assert (found["auroc"], found["prauc"]) == pytest.approx(expected, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("seed", range(10))
def test_maps_agree_with_torchmetrics(seed):
    truth, guess, scores = scene(seed)
    found, k = tally(truth, guess, scores.shape[1]).metrics(), scores.shape[1]
    y, p = torch.from_numpy(truth), torch.from_numpy(guess)
    miou = torchmetrics.multiclass_jaccard_index(p, y, k, average="macro", ignore_index=-1)
    accuracy = torchmetrics.multiclass_accuracy(p, y, k, average="micro", ignore_index=-1)
    assert (found["miou"], found["overall_acc"]) == pytest.approx((miou.item(), accuracy.item()), abs=1e-6)


@pytest.mark.parametrize("metric", ["miou", "overall_acc", "macro_f1", "micro_f1", "auroc", "prauc", "f1_class_1"])
def test_resampling_equals_scoring_the_drawn_images(metric):
    truth, guess, scores = scene(1)
    rows = np.array([0, 0, 3, 5, 5, 1])
    again = tally(truth[rows], guess[rows], scores.shape[1], scores[rows]).metrics()[metric]
    assert tally(truth, guess, scores.shape[1], scores).resampled(rows, metric) == pytest.approx(again)


def test_images_in_batches_score_as_all_at_once():
    truth, guess, scores = scene(2)
    whole, parts = tally(truth, guess, scores.shape[1], scores), PixelTally(scores.shape[1], curves=True)
    for at in (slice(0, 1), slice(1, 6)):
        parts.add(truth[at], guess[at], scores[at])
    assert (parts.metrics(), len(parts)) == (whole.metrics(), 6)
    assert parts.resampled(np.array([5, 5]), "auroc") == whole.resampled(np.array([5, 5]), "auroc")


@pytest.mark.parametrize("seed", range(10))
def test_binned_curves_lie_within_their_stated_error_of_exact_ones(seed):
    r = np.random.default_rng(seed)
    truth = r.integers(-1, 3, (8, 16, 16))
    logits = r.normal(0, 4, (8, 3, 16, 16)) + 3 * (truth[:, None] == np.arange(3)[:, None, None])
    scores = torch.from_numpy(logits).float().softmax(1).numpy()
    exact, binned = (tally(truth, scores.argmax(1), 3, scores, exact=limit) for limit in (2**24, 0))
    gaps = [abs(exact.metrics()[name] - binned.metrics()[name]) for name in ("auroc", "prauc")]
    assert 0 < binned.curve_errors()[0] < 1e-3
    assert exact.curve_errors() == (0, 0)
    assert gaps[0] <= binned.curve_errors()[0] + 1e-12
    assert gaps[1] <= binned.curve_errors()[1] + 1e-12


def test_curves_that_outgrow_their_memory_keep_what_was_counted_before():
    truth, guess, scores = scene(4)
    k = scores.shape[1]
    growing, binned = PixelTally(k, curves=True, exact=3 * 25 * k), tally(truth, guess, k, scores, exact=0)
    for image in range(6):
        growing.add(truth[image : image + 1], guess[image : image + 1], scores[image : image + 1])
    assert growing.metrics() == pytest.approx(binned.metrics(), nan_ok=True)
    assert np.isnan(growing.resampled(np.arange(6), "auroc"))


def test_scores_of_0_and_1_are_binned_without_error():
    truth = np.array([[[0, 1]], [[1, 0]]])
    scores = np.moveaxis(np.eye(2)[np.array([[[0, 1]], [[0, 0]]])], -1, 1)
    found = [tally(truth, scores.argmax(1), 2, scores, exact=limit).metrics() for limit in (0, 2**24)]
    assert found[0] == pytest.approx(found[1])


@pytest.mark.parametrize("exact", [0, 2**24])
def test_a_diverged_score_map_has_no_curve_but_still_its_other_metrics(exact):
    scores = np.ones((1, 4, 2, 4), np.float32)
    scores[0, 2, 0, 0] = np.nan
    found = tally(TRUTH, GUESS, 4, scores, exact=exact).metrics()
    assert np.isnan(found["auroc"])
    assert np.isnan(found["prauc"])
    assert found["miou"] == pytest.approx(0.555556, abs=1e-6)


@pytest.mark.parametrize(
    ("add", "found"),
    [
        (lambda t: t.add(TRUTH.astype(float), GUESS), "labels have dtype float64"),
        (lambda t: t.add(TRUTH, GUESS.astype(np.float32)), "predictions have dtype float32"),
        (lambda t: t.add(TRUTH + 2, GUESS), "found 4"),
        (lambda t: t.add(TRUTH, GUESS - 1), "found -1"),
        (lambda t: t.add(TRUTH, GUESS[:, :1]), "expected equal"),
    ],
)
def test_what_are_no_class_maps_is_refused_by_name(add, found):
    """Check 13."""
    with pytest.raises(DataError, match=found):
        add(PixelTally(4))


def test_curves_without_scores_or_of_logits_are_refused():
    with pytest.raises(DataError, match="found none"):
        PixelTally(4, curves=True).add(TRUTH, GUESS)
    with pytest.raises(DataError, match="softmax"):
        tally(TRUTH, GUESS, 4, np.full((1, 4, 2, 4), 7.0), exact=0)
