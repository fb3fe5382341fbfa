"""Numbers of spec/evaluation.md §10, checks 1-7a."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize, one_hot

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.evaluation import Evaluator
from olmoearth_core.testing.evaluators import ToyCase
from olmoearth_plugins.evaluators.knn import commonest, knn, probabilities

TRAIN, LABEL = torch.tensor([[1.0, 0], [0, 1], [-1, 0]]), torch.tensor([0, 1, 2])


def shares(query, k, train=TRAIN, label=LABEL, classes=3, **options):
    return probabilities(torch.tensor(query), train, label, num_classes=classes, k=k, **options)


def by_name(scores):
    return {(score.split, score.metric): score for score in scores}


def test_neighbours_vote_with_the_exponential_of_their_cosine():
    """Checks 1 and 2."""
    torch.testing.assert_close(
        shares([[3.0, 4.0]], 3), torch.tensor([[0.0543133, 0.9456867, 1.949e-9]]), atol=1e-6, rtol=1e-3
    )
    torch.testing.assert_close(shares([[3.0, 4.0]], 2), torch.tensor([[0.0543133, 0.9456867, 0]]), atol=1e-6, rtol=1e-4)


def test_skipping_the_query_itself_asks_the_next_neighbour():
    """Check 3."""
    assert shares(TRAIN.tolist(), 1).argmax(-1).tolist() == [0, 1, 2]
    assert shares(TRAIN.tolist(), 1, skip_self=True).argmax(-1).tolist() == [1, 0, 1]


def test_one_exact_neighbour_beats_two_at_cosine_eight_tenths():
    """Check 4."""
    train = torch.tensor([[1.0, 0], [0.8, 0.6], [0.8, -0.6]])
    result = shares([[1.0, 0.0]], 3, train, torch.tensor([0, 1, 1]), 2)
    torch.testing.assert_close(result, torch.tensor([[0.896969, 0.103031]]), atol=1e-5, rtol=1e-4)


def test_a_zero_query_and_a_large_k_give_finite_shares():
    """Check 5."""
    result = shares([[0.0, 0.0]], 99)
    torch.testing.assert_close(result, torch.full((1, 3), 1 / 3))
    assert result.argmax(-1).item() == 0


def four(profile="default", primary="accuracy"):
    tested = torch.tensor([[1, 0.1], [0.1, 1], [1, 0.2], [0.3, 1]])
    truth = np.array([0, 1, 1, 1])
    return ToyCase(
        {"train": torch.eye(2), "valid": tested, "test": tested},
        {"train": np.array([0, 1]), "valid": truth, "test": truth},
        classes=("a", "b"), profile=profile, primary_metric=primary,
    )  # fmt: skip


def test_the_tested_samples_are_drawn_again_as_in_the_reference():
    """Check 6."""
    score = by_name(knn(k=1, bootstrap=5).evaluate(four()))["test", "accuracy"]
    assert score.resamples == (0.75, 0.75, 0.75, 0.5, 0.75)
    assert np.mean(score.resamples) == pytest.approx(0.70)
    assert np.std(score.resamples) == pytest.approx(0.10)
    assert (score.value, score.low, score.high) == pytest.approx((0.75, 0.525, 0.75))
    assert score.interval == "bootstrap"


def test_the_interval_is_of_the_primary_metric_except_in_the_profile_of_the_reference():
    """Defect 8 of spec §9.1: the bootstrap ignored the primary metric."""
    ours = by_name(knn(k=1).evaluate(four(primary="macro_f1")))
    theirs = by_name(knn(k=1).evaluate(four("reference-2026.07", "macro_f1")))
    assert ours["test", "macro_f1"].resamples
    assert not ours["test", "accuracy"].resamples
    assert theirs["test", "accuracy"].resamples
    assert not theirs["test", "macro_f1"].resamples


def random(shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_several_labels_are_voted_on_one_by_one():
    """Check 7."""
    train, query = random((60, 6), 0), random((25, 6), 1)
    label = (random((60, 5), 2) > 0.7).long()
    result = probabilities(query, train, label, k=7)
    each = [probabilities(query, train, column, num_classes=2, k=7) for column in label.mT]
    torch.testing.assert_close(result, torch.stack([share[:, 1] for share in each], 1))
    assert torch.equal(result > 0.5, torch.stack([share.argmax(-1) == 1 for share in each], 1))
    near = normalize(query, dim=-1) @ normalize(train, dim=-1).mT
    alone = label[near.topk(7).indices].sum(1) == 1
    assert bool(alone.any())
    assert bool(((result[alone] > 0) & (result[alone] < 1)).all())


def test_bfloat16_features_stay_bfloat16_where_the_reference_is_repeated():
    """Check 7a."""
    query, train = (part.bfloat16() for part in (random((4, 8), 0), random((9, 8), 1)))
    label = torch.arange(9) % 3
    assert probabilities(query, train, label, num_classes=3, same_dtype=True).dtype == torch.bfloat16
    assert probabilities(query, train, label, num_classes=3).dtype == torch.float32


def test_unknown_labels_neither_vote_nor_count():
    """Spec §3.1: -1 is not filtered by the reference."""
    case = four()
    case.vectors = {**case.vectors, "train": torch.eye(2).repeat(2, 1)}
    case.truth = {"train": np.array([0, 1, -1, -1]), "valid": np.array([0, -1, 1, -1]), "test": np.array([0, 1, 1, 1])}
    scores = by_name(knn(k=9).evaluate(case))
    assert scores["valid", "accuracy"].value == 0.5
    case.truth["valid"][:] = -1
    with pytest.raises(DataError, match="valid: none of the 4"):
        knn().evaluate(case)


def test_multilabel_features_that_are_the_label_score_one():
    truth = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]])
    vectors = torch.from_numpy(truth).float()
    case = ToyCase(dict.fromkeys(("train", "valid", "test"), vectors), dict.fromkeys(("train", "valid", "test"), truth),
                   task_type="multilabel", primary_metric="f1")  # fmt: skip
    scores = by_name(knn(k=1, bootstrap=20).evaluate(case))
    assert scores["test", "f1"].value == 1
    assert scores["test", "f1"].resamples
    case.profile = "reference-2026.07"
    assert by_name(knn(k=1, bootstrap=20).evaluate(case))["test", "micro_map"].resamples


def separable(pixels=1, splits=("train", "valid", "test"), blocks=6):
    """Return labelled 2x2 grids whose features are their labels, with one position ignored."""
    labels = np.array([[[0, 1], [1, -1]]] * blocks)
    vectors = one_hot(torch.from_numpy(labels).clamp(min=0), 2).float()
    labels = labels.repeat(pixels, 1).repeat(pixels, 2)
    groups = {split: [f"b{i}" for i in range(blocks)] for split in splits}
    return ToyCase(dict.fromkeys(splits, vectors), dict.fromkeys(splits, labels), groups,
                   task_type="segmentation", classes=("a", "b"), primary_metric="miou")  # fmt: skip


@pytest.mark.parametrize("pixels", [1, 3])
def test_grids_are_scored_by_patch_or_by_pixel(pixels):
    scores = by_name(knn(k=3, bootstrap=20).evaluate(separable(pixels)))
    assert scores["valid", "miou"].value == pytest.approx(1)
    assert scores["test", "miou"].resamples


def test_a_patch_is_labelled_by_the_commonest_of_its_known_pixels():
    label = np.array([[[2, 2, 1, 0], [-1, 0, -1, -1], [-1, -1, 1, 0], [-1, -1, 1, 0]]])
    assert commonest(label, (1, 2, 2)).tolist() == [[[2, 0], [-1, 0]]]


def test_a_patch_of_two_classes_is_answered_with_one_of_them_for_every_pixel():
    case = separable(2)
    case.truth = {**case.truth, "valid": case.truth["valid"].copy()}
    case.truth["valid"][:, 0, 0] = 1
    score = by_name(knn(k=3).evaluate(case))["valid", "overall_acc"]
    assert score.value == pytest.approx(11 / 12)


def test_a_benchmark_that_nobody_divided_is_split_by_blocks_several_times():
    case = separable(splits=("all",))
    case.primary_metric = "macro_f1"
    scores = by_name(knn(k=3).evaluate(case))
    assert scores["all", "macro_f1"].seeds == pytest.approx((1.0,) * 5)
    assert scores["all", "macro_f1"].interval == "splits"


def test_random_features_score_like_chance_and_repeat_exactly():
    labels = torch.randint(0, 2, (40, 4, 4), generator=torch.Generator().manual_seed(0)).numpy()
    case = ToyCase({"all": random((40, 4, 4, 8), 1)}, {"all": labels}, {"all": [f"b{i // 4}" for i in range(40)]},
                   task_type="segmentation", classes=("a", "b"), primary_metric="miou")  # fmt: skip
    first, second = (by_name(knn(max_per_class=100).evaluate(case)) for _ in range(2))
    assert repr(first) == repr(second)
    assert 0.35 < first["all", "overall_acc"].value < 0.65
    assert len(set(first["all", "overall_acc"].seeds)) > 1


def test_labels_on_a_grid_that_does_not_fit_the_features_are_refused():
    case = separable()
    case.truth = {**case.truth, "train": np.zeros((6, 3, 3), int)}
    with pytest.raises(DataError, match="whole number of pixels"):
        knn().evaluate(case)


def test_a_task_that_knn_cannot_score_is_named():
    case = four()
    case.task_type = "regression"
    with pytest.raises(ConfigError, match="cannot score regression"):
        knn().evaluate(case)


@pytest.mark.parametrize("wrong", [{"temperature": 0}, {"k": 0}, {"bootstrap": 0}, {"max_per_class": 0}])
def test_settings_without_sense_are_refused_before_any_work(wrong):
    with pytest.raises(ConfigError, match=r"knn: .*(at least 1|above 0)"):
        knn(**wrong)


def test_it_is_an_evaluator():
    assert isinstance(knn(), Evaluator)
