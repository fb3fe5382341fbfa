import math

import pytest

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.evaluation import Score
from olmoearth_core.scores.interval import difference, quantile, score_of


def test_five_values_have_the_student_interval_of_four_degrees_of_freedom():
    score = score_of("accuracy", [0.1, 0.2, 0.3, 0.4, 0.5])
    half = 2.776 * math.sqrt(0.025 / 5)
    assert (score.value, score.low, score.high) == pytest.approx((0.3, 0.3 - half, 0.3 + half))


def test_one_seed_has_no_interval():
    score = score_of("accuracy", [0.5])
    assert score.value == 0.5
    assert math.isnan(score.low)


def test_a_paired_difference_takes_the_difficulty_of_the_split_out():
    ours, theirs = score_of("accuracy", [0.9, 0.5, 0.7]), score_of("accuracy", [0.8, 0.4, 0.6])
    gain = difference(ours, theirs)
    assert gain.value == pytest.approx(0.1)
    assert gain.low == pytest.approx(0.1)
    assert ours.low < theirs.high  # unpaired, the two would be indistinguishable


def test_unequal_numbers_of_seeds_cannot_be_paired():
    with pytest.raises(DataError, match="2 and 3"):
        difference(score_of("f1", [1, 2]), score_of("f1", [1, 2, 3]))


def test_the_quantile_beyond_the_table_goes_on_smoothly():
    assert quantile(31) == pytest.approx(2.0395, abs=2e-3)
    assert quantile(1000) == pytest.approx(1.9623, abs=1e-3)


def test_scores_over_splits_say_so():
    score = score_of("accuracy", [0.1, 0.2])
    assert (score.interval, score.split) == ("splits", "test")
    assert score_of("accuracy", [0.1]).interval == ""


def test_two_models_on_the_same_resamples_are_compared_draw_by_draw():
    draws = tuple(i / 100 for i in range(100))
    ours = Score(
        "miou", 0.6, 0.1, 0.9, (0.6,), split="valid", interval="bootstrap", resamples=tuple(d + 0.1 for d in draws)
    )
    theirs = Score("miou", 0.5, 0.0, 0.8, (0.4, 0.6), split="valid", interval="bootstrap", resamples=draws)
    gain = difference(ours, theirs)
    assert (gain.value, gain.low, gain.high) == pytest.approx((0.1, 0.1, 0.1))
    assert (gain.split, gain.interval, gain.seeds, len(gain.resamples)) == ("valid", "bootstrap", (), 100)


def test_probe_seeds_on_one_split_give_a_difference_without_an_interval():
    gain = difference(Score("f1", 0.5, seeds=(0.4, 0.6)), Score("f1", 0.3, seeds=(0.3, 0.3)))
    assert gain.value == pytest.approx(0.2)
    assert math.isnan(gain.low)
    assert gain.interval == ""


def test_different_numbers_of_probe_seeds_on_one_split_need_no_pairs():
    gain = difference(Score("f1", 0.5, seeds=(0.4, 0.6)), Score("f1", 0.3, seeds=(0.3,)))
    assert gain.value == pytest.approx(0.2)
    assert gain.seeds == ()
