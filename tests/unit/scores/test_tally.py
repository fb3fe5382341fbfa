"""How tallies become scores: means over seeds and the bootstrap (spec/evaluation.md §3.1, check 6)."""

import numpy as np
import pytest

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.scores import bootstrap
from olmoearth_core.scores.bootstrap import draws
from olmoearth_core.scores.interval import difference
from olmoearth_core.scores.tally import ClassTally, MultilabelTally, PixelTally, ValueTally, scores_of


def hits(right):
    """A tally of two classes, right where asked for."""
    truth = np.arange(len(right)) % 2
    return ClassTally(truth, np.eye(2)[np.where(right, truth, 1 - truth)])


def test_four_samples_are_drawn_again_as_the_reference_draws_them():
    """Check 6: the last sample is wrong."""
    tally = ClassTally(np.array([0, 1, 1, 1]), np.eye(2)[[0, 1, 0, 1]])
    score = scores_of([tally], primary="accuracy", split="test", resamples=5, seed=42)[0]
    assert score.resamples == (0.75, 0.75, 0.75, 0.5, 0.75)
    assert (score.low, score.high) == pytest.approx((0.525, 0.75))
    assert score.details["bootstrap"] == pytest.approx({"mean": 0.7, "std": 0.1, "resamples": 5, "seed": 42})


def test_a_resample_is_one_call_of_the_generator():
    generator = np.random.Generator(np.random.PCG64(7))
    expected = [np.bincount(generator.integers(0, 9, 9), minlength=9).tolist() for _ in range(3)]
    assert np.concatenate(list(draws(9, 3, 7))).tolist() == expected


def test_draws_do_not_depend_on_how_many_are_made_at_a_time(monkeypatch):
    at_once = np.concatenate(list(draws(9, 7, 1)))
    monkeypatch.setattr(bootstrap, "_CELLS", 20)
    parts = list(draws(9, 7, 1))
    assert [len(part) for part in parts] == [2, 2, 2, 1]
    assert np.concatenate(parts).tolist() == at_once.tolist()


def test_the_primary_metric_comes_first_and_alone_has_an_interval():
    scores = scores_of([hits([1, 1, 0, 1, 1, 0])], primary="macro_f1", split="valid", details={"lr": 0.1})
    assert [s.metric for s in scores] == ["macro_f1", "accuracy", "auroc", "prauc", "f1_class_0", "f1_class_1"]
    assert {s.split for s in scores} == {"valid"}
    assert scores[0].interval == "bootstrap"
    assert scores[0].low < scores[0].value < scores[0].high
    assert scores[0].details["lr"] == 0.1
    assert len(scores[0].resamples) == 1000
    assert all(np.isnan(s.low) and not s.interval and not s.resamples for s in scores[1:])


def test_several_seeds_are_averaged_in_the_value_and_in_every_resample():
    seeds = [hits([1, 1, 0, 1]), hits([0, 1, 0, 1])]
    both = scores_of(seeds, primary="accuracy", split="test", resamples=20)[0]
    each = [scores_of([tally], primary="accuracy", split="test", resamples=20)[0] for tally in seeds]
    assert (both.value, both.seeds) == (0.625, (0.75, 0.5))
    assert both.resamples == pytest.approx(np.mean([e.resamples for e in each], axis=0))


def test_every_resample_is_what_the_tally_gives_for_its_rows():
    tally = PixelTally(3)
    r = np.random.default_rng(0)
    tally.add(r.integers(-1, 3, (10, 4, 4)), r.integers(0, 3, (10, 4, 4)))
    score = scores_of([tally], primary="miou", split="test", resamples=5, seed=3)[0]
    generator = np.random.Generator(np.random.PCG64(3))
    assert score.resamples == pytest.approx([tally.resampled(generator.integers(0, 10, 10), "miou") for _ in range(5)])


def test_resamples_without_anything_to_score_do_not_spoil_the_interval():
    tally = ValueTally()
    tally.add(np.array([1.0, np.nan, np.nan]), np.array([2.0, 0.0, 0.0]))
    score = scores_of([tally], primary="mae", split="test", resamples=200)[0]
    assert np.isnan(score.resamples).any()
    assert (score.value, score.low, score.high) == (1, 1, 1)


def test_the_primary_metric_of_several_labels_is_the_one_that_is_resampled():
    """§9.1 number 8: the reference draws intervals of micro_map whatever the primary metric is."""
    truth = np.array([[1, 0], [0, 1], [1, 1], [0, 0]])
    tally = MultilabelTally(truth, np.array([[1, 0], [0, 0], [1, 1], [1, 0]]), np.random.default_rng(0).random((4, 2)))
    f1, mean_precision = (scores_of([tally], primary=name, split="test")[0] for name in ("f1", "micro_map"))
    assert (f1.low, f1.high) != (mean_precision.low, mean_precision.high)
    assert f1.details["bootstrap"]["mean"] == pytest.approx(f1.value, abs=0.1)


def test_the_interval_covers_the_true_accuracy_about_as_often_as_it_says():
    r = np.random.default_rng(1)
    intervals = [scores_of([hits(r.random(200) < 0.8)], primary="accuracy", split="test", resamples=200)[0]
                 for _ in range(100)]  # fmt: skip
    assert 88 <= sum(s.low <= 0.8 <= s.high for s in intervals) <= 100


def test_two_models_on_the_same_samples_are_told_apart_draw_by_draw():
    r = np.random.default_rng(2)
    weak = r.random(300) < 0.7
    strong = weak | (r.random(300) < 0.1)
    ours, theirs = (scores_of([hits(x)], primary="accuracy", split="test")[0] for x in (strong, weak))
    gain = difference(ours, theirs)
    assert ours.low < theirs.high
    assert gain.low > 0
    assert gain.value == pytest.approx(strong.mean() - weak.mean())


def test_no_resamples_give_no_interval():
    score = scores_of([hits([1, 0])], primary="accuracy", split="test", resamples=0)[0]
    assert np.isnan(score.low)
    assert (score.interval, score.resamples, dict(score.details)) == ("", (), {})


def test_the_same_call_gives_the_same_numbers():
    first, second = (scores_of([hits([1, 1, 0])], primary="accuracy", split="test") for _ in range(2))
    assert first[0].resamples == second[0].resamples


def test_an_unknown_primary_metric_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"primary metric on test: .*accuracy, macro_f1, auroc"):
        scores_of([hits([1, 0])], primary="miou", split="test")
    with pytest.raises(ConfigError, match="f1_class_0"):
        scores_of([hits([1, 0])], primary="class_f1", split="test")


@pytest.mark.parametrize("tallies", [[], [hits([])], [hits([1, 0]), hits([1])]])
def test_seeds_that_did_not_score_the_same_samples_are_refused(tallies):
    with pytest.raises(DataError, match="valid: found tallies of"):
        scores_of(tallies, primary="accuracy", split="valid")
