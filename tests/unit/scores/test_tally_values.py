"""Spec/evaluation.md §10, check 12; scikit-learn and torchmetrics as oracles."""

import numpy as np
import pytest
import torch

from olmoearth_core.errors import DataError
from olmoearth_core.scores.tally import ValueTally

sklearn = pytest.importorskip("sklearn.metrics")
torchmetrics = pytest.importorskip("torchmetrics.functional")


def tally(truth, guess):
    made = ValueTally()
    made.add(np.asarray(truth), np.asarray(guess))
    return made


def field(seed, offset=0.0):
    """Random maps with unknown pixels, one of them without any known one."""
    r = np.random.default_rng(seed)
    truth = r.normal(offset, 2, (6, 4, 4)) + r.normal(0, 3, (6, 1, 1))
    truth[r.random(truth.shape) < 0.3] = np.nan
    truth[4] = np.nan
    return truth, np.nan_to_num(truth, nan=offset) + r.normal(size=truth.shape)


def test_unknown_targets_do_not_count():
    """Check 12."""
    found = tally([1, 1, np.nan], [1, 3, 10]).metrics()
    assert list(found) == ["mae", "rmse", "neg_rmse", "r2"]
    assert (found["mae"], found["rmse"], found["neg_rmse"]) == pytest.approx((1, 1.414214, -1.414214), abs=1e-6)
    assert found["r2"] == pytest.approx(-4e8)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_maps_agree_with_scikit_learn(seed, offset):
    truth, guess = field(seed, offset)
    found, known = tally(truth, guess).metrics(), np.isfinite(truth)
    y, p = truth[known], guess[known]
    expected = sklearn.mean_absolute_error(y, p), np.sqrt(sklearn.mean_squared_error(y, p)), sklearn.r2_score(y, p)
    assert (found["mae"], found["rmse"], found["r2"]) == pytest.approx(expected, abs=1e-6)


def test_numbers_agree_with_torchmetrics():
    truth, guess = torch.randn(50, generator=torch.manual_seed(1)), torch.randn(50, generator=torch.manual_seed(2))
    found = tally(truth.numpy(), guess.numpy()).metrics()
    expected = torchmetrics.mean_absolute_error(guess, truth).item(), torchmetrics.r2_score(guess, truth).item()
    assert (found["mae"], found["r2"]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("metric", ["mae", "rmse", "neg_rmse", "r2"])
def test_resampling_equals_scoring_the_drawn_images(metric):
    truth, guess = field(1, offset=1e4)
    rows = np.array([0, 0, 4, 5, 1, 1])
    again = tally(truth[rows], guess[rows]).metrics()[metric]
    assert tally(truth, guess).resampled(rows, metric) == pytest.approx(again, abs=1e-9)


def test_batches_score_as_all_at_once_even_where_the_first_is_unlike_the_rest():
    truth = np.r_[np.zeros(3), np.full(50, 1e6) + np.arange(50)]
    parts = ValueTally()
    for at in (slice(0, 3), slice(3, 53)):
        parts.add(truth[at], truth[at] + 1)
    assert parts.metrics() == pytest.approx(tally(truth, truth + 1).metrics())
    late = np.arange(3, 53)
    assert parts.resampled(late, "r2") == pytest.approx(tally(truth[3:], truth[3:] + 1).metrics()["r2"], abs=1e-6)


def test_equal_targets_have_no_spread_whatever_their_value():
    found = tally(np.full((2, 7, 3), 0.1), np.full((2, 7, 3), 0.1) + 1).metrics()
    assert found["r2"] == pytest.approx(-42e8)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_prediction_that_is_no_number_spoils_all_metrics(wrong):
    """Spec §3.5: a NaN prediction at a finite target makes all four NaN."""
    bad = tally([1.0, 2.0, 3.0], [1.0, wrong, 3.0])
    assert np.isnan(list(bad.metrics().values())).all()
    assert bad.resampled(np.array([0, 2, 2]), "mae") == 0
    assert np.isnan(bad.resampled(np.array([0, 1, 2]), "mae"))


def test_a_prediction_that_is_no_number_does_not_matter_where_nothing_is_known():
    assert tally([1.0, np.nan], [2.0, np.nan]).metrics()["mae"] == 1


def test_no_known_target_is_an_error_and_in_a_resample_no_number():
    with pytest.raises(DataError, match="2 samples"):
        tally([np.nan, np.inf], [1.0, 1.0]).metrics()
    assert np.isnan(tally([np.nan, 1.0], [1.0, 1.0]).resampled(np.array([0, 0]), "r2"))


def test_targets_and_predictions_of_different_shape_are_refused():
    with pytest.raises(DataError, match=r"\(2,\)"):
        tally([1.0, 2.0], [1.0])
