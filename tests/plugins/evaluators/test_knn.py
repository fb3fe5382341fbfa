"""Numbers of spec/evaluation.md §10, checks 1-5."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

from olmoearth_core.data.sample import Sample
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.evaluation import Evaluator, LabelledSample
from olmoearth_plugins.evaluators.knn import flatten, knn, probabilities

TRAIN, LABEL = torch.tensor([[1.0, 0], [0, 1], [-1, 0]]), torch.tensor([0, 1, 2])


def shares(query, k, train=TRAIN, label=LABEL, classes=3, **options):
    return probabilities(torch.tensor(query), train, label, num_classes=classes, k=k, **options)


def test_neighbours_vote_with_the_exponential_of_their_cosine():
    torch.testing.assert_close(
        shares([[3.0, 4.0]], 3), torch.tensor([[0.0543133, 0.9456867, 1.949e-9]]), atol=1e-6, rtol=1e-3
    )
    torch.testing.assert_close(shares([[3.0, 4.0]], 2), torch.tensor([[0.0543133, 0.9456867, 0]]), atol=1e-6, rtol=1e-4)


def test_skipping_the_query_itself_asks_the_next_neighbour():
    assert shares(TRAIN.tolist(), 1).argmax(-1).tolist() == [0, 1, 2]
    assert shares(TRAIN.tolist(), 1, skip_self=True).argmax(-1).tolist() == [1, 0, 1]


def test_one_exact_neighbour_beats_two_at_cosine_eight_tenths():
    train = torch.tensor([[1.0, 0], [0.8, 0.6], [0.8, -0.6]])
    result = shares([[1.0, 0.0]], 3, train, torch.tensor([0, 1, 1]), 2)
    torch.testing.assert_close(result, torch.tensor([[0.896969, 0.103031]]), atol=1e-5, rtol=1e-4)


def test_a_zero_query_and_a_large_k_give_finite_shares():
    result = shares([[0.0, 0.0]], 99)
    torch.testing.assert_close(result, torch.full((1, 3), 1 / 3))
    assert result.argmax(-1).item() == 0


def test_chunks_do_not_change_the_result(monkeypatch):
    query = torch.randn(50, 2, generator=torch.Generator().manual_seed(0)).tolist()
    whole = shares(query, 2)
    monkeypatch.setattr("olmoearth_plugins.evaluators.knn._CHUNK", 7)
    torch.testing.assert_close(shares(query, 2), whole)


@dataclass
class Facts:
    task_type: str = "segmentation"
    classes: tuple = ("a", "b")
    name: str = "facts"
    primary_metric: str = "macro_f1"
    patch_size: int = 4


def data(labels, groups):
    empty = Sample({}, {}, np.zeros((1, 3), np.int32), np.zeros(2, np.float32))
    return [LabelledSample(empty, np.asarray(lab), group) for lab, group in zip(labels, groups, strict=True)]


def separable(blocks=6):
    """Return labelled 2x2 grids whose features are their labels, with one position ignored."""
    labels = [[[0, 1], [1, -1]]] * blocks
    features = one_hot(torch.tensor(labels).clamp(min=0), 2).float()
    return data(labels, [f"b{i}" for i in range(blocks)]), features


def test_features_that_are_the_label_score_one_on_every_seed():
    samples, features = separable()
    scores = knn(k=3).evaluate(lambda _: features, samples, Facts())
    assert set(scores) == {"accuracy", "balanced_accuracy", "macro_f1", "miou"}
    assert scores["macro_f1"].seeds == (1.0,) * 5
    assert scores["macro_f1"].details["f1"] == [1.0, 1.0]


def test_random_features_score_like_chance_and_repeat_exactly():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(40, 4, 4, 8, generator=generator)
    labels = torch.randint(0, 2, (40, 4, 4), generator=generator).numpy()
    samples = data(labels, [f"b{i // 4}" for i in range(40)])
    first, second = (knn().evaluate(lambda _: features, samples, Facts()) for _ in range(2))
    assert first == second
    assert 0.35 < first["accuracy"].value < 0.65
    assert len(set(first["accuracy"].seeds)) > 1


def test_ignored_positions_take_no_part():
    samples, features = separable(2)
    kept, labels, groups = flatten(features, samples)
    assert labels.tolist() == [0, 1, 1] * 2
    assert groups.tolist() == ["b0"] * 3 + ["b1"] * 3
    assert kept.shape == (6, 2)


def test_labels_on_another_grid_than_the_features_are_refused():
    samples, features = separable(2)
    with pytest.raises(DataError, match="per patch"):
        flatten(features[:, :1], samples)


def test_a_task_that_knn_cannot_score_is_named():
    with pytest.raises(ConfigError, match="regression benchmark facts"):
        knn().evaluate(lambda _: torch.zeros(1), [], Facts(task_type="regression"))


def test_a_temperature_of_zero_is_refused_before_any_work():
    with pytest.raises(ConfigError, match="temperature above 0"):
        knn(temperature=0)


def test_it_is_an_evaluator():
    assert isinstance(knn(), Evaluator)
