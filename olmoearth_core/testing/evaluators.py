"""What an evaluation protocol must do with features that say everything, and with features that say nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from olmoearth_core.data.sample import Sample
from olmoearth_core.interfaces.evaluation import LabelledSample, Score, TaskType
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.testing.samples import normal
from olmoearth_core.testing.subject import Subject

CHECKS = ("has_a_name", "scores_have_intervals", "the_same_features_give_the_same_scores", "good_features_score_better")
SAMPLES, CLASSES, WIDTH = 60, 3, 8


def has_a_name(subject: Subject) -> None:
    """Result rows are called after it."""
    assert isinstance(subject.product.name, str)
    assert subject.product.name


def scores_have_intervals(subject: Subject) -> None:
    """Every number comes with its spread, and the primary metric is among them."""
    scores = _scores(subject, signal=3.0)
    assert _Toy.primary_metric in scores, f"no {_Toy.primary_metric} among {sorted(scores)}"
    for name, score in scores.items():
        assert score.metric == name
        assert score.low <= score.value <= score.high, f"{name}: {score.value} is outside {score.low} to {score.high}"


def the_same_features_give_the_same_scores(subject: Subject) -> None:
    """A protocol is deterministic, also made anew and whatever the global random state."""
    torch.manual_seed(1)
    first = _scores(subject, signal=1.0)
    torch.manual_seed(2)
    assert first == _scores(subject, signal=1.0, anew=True)


def good_features_score_better(subject: Subject) -> None:
    """Features that contain the label beat noise."""
    metric = _Toy.primary_metric
    assert _scores(subject, signal=5.0)[metric].value > _scores(subject, signal=0.0)[metric].value


class _Toy:
    name = "toy"
    task_type: TaskType = "classification"
    classes: tuple[str, ...] = tuple("abc")
    primary_metric = "accuracy"
    patch_size = 4

    def samples(self, specs: Sequence[ModalitySpec], *, context: Mapping[str, Any]) -> Iterator[LabelledSample]:
        """Yield empty samples of every class in turn; the features carry the signal."""
        for i in range(SAMPLES):
            sample = Sample({}, {}, np.zeros((1, 3), np.int32), np.zeros(2, np.float32), index=i)
            yield LabelledSample(sample, np.asarray(i % CLASSES), group=f"block {i // CLASSES}")


def _scores(subject: Subject, *, signal: float, anew: bool = False) -> dict[str, Score]:
    def encode(samples: Sequence[Sample]) -> Tensor:
        labels = torch.tensor([sample.index % CLASSES for sample in samples])
        noise = normal((SAMPLES, WIDTH), "noise")[[sample.index for sample in samples]]
        return noise + signal * torch.nn.functional.one_hot(labels, WIDTH)

    evaluator, toy = subject.fresh() if anew else subject.product, _Toy()
    scores: dict[str, Score] = evaluator.evaluate(encode, list(toy.samples((), context={})), toy)
    return scores
