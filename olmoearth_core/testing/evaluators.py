"""What an evaluation protocol must do with features that say everything, and with features that say nothing.

`ToyCase` is a case made of given tensors, for these checks and for tests of evaluators.
"""

# N samples, D width, h w patches
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from olmoearth_core.data.sample import Sample
from olmoearth_core.evaluate.lazy import Lazy
from olmoearth_core.interfaces.evaluation import FIXED_SPLITS, LabelledSample, Score, TaskType
from olmoearth_core.testing.samples import normal
from olmoearth_core.testing.subject import NotApplicable, Subject

CHECKS = (
    "has_a_name",
    "the_primary_metric_has_an_interval",
    "the_test_split_is_left_alone_unless_asked_for",
    "the_same_features_give_the_same_scores",
    "good_features_score_better",
)
SAMPLES, CLASSES, WIDTH = 60, 3, 8
_WIDE = 512


@dataclass
class ToyCase:
    """Keeps the promise `interfaces.evaluation.Case` with given tensors.

    vectors: split -> features [N,D] or [N,h,w,D]; what `tunable` sees as raw values too. truth: split -> labels.
    blocks: split -> group of each sample; where it is not given, every sample is a group. grouped: split -> features
    [N,h,w,G,D] for `concat`; where it is not given, there is one band group.
    """

    vectors: Mapping[str, Tensor]
    truth: Mapping[str, np.ndarray]
    blocks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    task_type: TaskType = "classification"
    classes: tuple[str, ...] = tuple("abc")
    primary_metric: str = "accuracy"
    patch_size: int = 4
    profile: str = "default"
    test: bool = True
    device: str = "cpu"
    grouped: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits."""
        return tuple(self.vectors)

    def features(self, split: str, *, concat: bool = False) -> Tensor:
        """Return the given features."""
        self._allow(split)
        if not concat:
            return self.vectors[split]
        return self.grouped[split] if split in self.grouped else self.vectors[split].unsqueeze(-2)

    def labels(self, split: str) -> np.ndarray:
        """Return the given labels."""
        self._allow(split)
        return self.truth[split]

    def groups(self, split: str) -> Sequence[str]:
        """Return the group of each sample."""
        self._allow(split)
        return self.blocks.get(split) or [f"{split} {i}" for i in range(len(self.vectors[split]))]

    def samples(self, split: str) -> Sequence[LabelledSample]:
        """Return samples whose only modality "toy" holds the features."""
        vectors, truth, groups = self.features(split), self.labels(split), self.groups(split)

        def read(at: int) -> LabelledSample:
            vector = vectors[at].float()
            values = (vector.unsqueeze(-2) if vector.ndim == 3 else vector).numpy()
            presence = {"toy": np.ones((1,) * values.ndim, dtype=bool)}
            sample = Sample({"toy": values}, presence, np.array([[1, 0, 2020]], np.int32), np.zeros(2, np.float32), at)
            return LabelledSample(sample, np.asarray(truth[at]), groups[at], name=f"toy {at}")

        return Lazy(read, range(len(vectors)))

    def tunable(self) -> ToyEncoder:
        """Return a linear map that starts as the identity."""
        return ToyEncoder.of(next(iter(self.vectors.values())).shape[-1], self.device)

    def _allow(self, split: str) -> None:
        assert self.test or split != "test", "the evaluator looked at the test split, but case.test is false"


@dataclass(frozen=True)
class ToyEncoder:
    """Keeps the promise `interfaces.evaluation.Tunable`: features = W x + b of the vectors in the samples."""

    module: nn.Module
    width: int
    layers: Sequence[Sequence[nn.Parameter]]

    @classmethod
    def of(cls, width: int, device: str) -> ToyEncoder:
        """Return the identity."""
        # No initialisation from the global generator: whoever trains this seeds its own head.
        layer = nn.Linear(width, width, device="meta").to_empty(device=device)
        with torch.no_grad():
            layer.weight.copy_(torch.eye(width))
            layer.bias.zero_()
        return cls(layer, width, (list(layer.parameters()),))

    def __call__(self, samples: Sequence[Sample]) -> Tensor:
        """Return features [B,D] or [B,h,w,D]."""
        rows = torch.stack([torch.from_numpy(sample.arrays["toy"]) for sample in samples])
        features: Tensor = self.module(rows.to(next(self.module.parameters()).device))
        return features.squeeze(-2) if features.ndim == 5 else features


def toy(signal: float, *, test: bool = True, width: int = WIDTH) -> ToyCase:
    """Return three classes in turn, as noise plus `signal` times the code of the class, plus or minus 1 per number."""
    labels = {split: np.arange(SAMPLES) % CLASSES for split in FIXED_SPLITS}
    codes = normal((CLASSES, width), "codes", "all").sign()
    vectors = {
        split: normal((SAMPLES, width), "noise", split) + signal * codes[torch.from_numpy(label)]
        for split, label in labels.items()
    }
    return ToyCase(vectors, labels, test=test)


def has_a_name(subject: Subject) -> None:
    """Result rows are called after it."""
    assert isinstance(subject.product.name, str)
    assert subject.product.name


def the_primary_metric_has_an_interval(subject: Subject) -> None:
    """Every score says what it was measured on, no score is given twice, and the primary metric has its spread.

    An evaluator that reads no labels says so by an attribute `needs_labels = False`; it has no primary metric.
    """
    scores = _scores(subject, toy(3.0))
    assert scores
    assert all(isinstance(score, Score) for score in scores)
    names = [(score.split, score.metric) for score in scores]
    assert len(set(names)) == len(names), f"given twice: {names}"
    for score in scores:
        assert not score.low > score.value, f"{score.metric}: {score.value} is below {score.low}"
        assert not score.value > score.high, f"{score.metric}: {score.value} is above {score.high}"
    if _needs_labels(subject):
        for split in ("valid", "test"):
            score = _primary(scores, split)
            assert score.low <= score.value <= score.high, f"{split}: {score.metric} has no interval"


def the_test_split_is_left_alone_unless_asked_for(subject: Subject) -> None:
    """During training there are scores, but none of the test split, which nobody reads."""
    scores = _scores(subject, toy(3.0, test=False))
    assert scores
    assert "test" not in {score.split for score in scores}


def the_same_features_give_the_same_scores(subject: Subject) -> None:
    """A protocol is deterministic, also made anew and whatever the global random state, which it does not disturb."""
    first = _seeded(1, lambda: _scores(subject, toy(1.0)))
    again = _seeded(2, lambda: _scores(subject, toy(1.0), anew=True))
    # As text, since a metric that cannot be computed is NaN and equals nothing.
    assert [_text(score) for score in first] == [_text(score) for score in again]


def good_features_score_better(subject: Subject) -> None:
    """Features that contain the label beat noise."""
    if not _needs_labels(subject):
        raise NotApplicable(f"{subject.component.name} needs no labels, so none are to be found in features")
    # As wide as features of encoders are, so that it is learnt at their rates, too.
    good, bad = (_primary(_scores(subject, toy(signal, width=_WIDE)), "test").value for signal in (2.0, 0.0))
    assert good > bad, f"accuracy is {good} with good features and {bad} with noise"


def _needs_labels(subject: Subject) -> bool:
    answer: bool = getattr(subject.product, "needs_labels", True)
    return answer


def _primary(scores: Sequence[Score], split: Literal["valid", "test"]) -> Score:
    found = [score for score in scores if (score.split, score.metric) == (split, ToyCase.primary_metric)]
    assert found, f"no {ToyCase.primary_metric} of {split} among {[(s.split, s.metric) for s in scores]}"
    return found[0]


def _scores(subject: Subject, case: ToyCase, *, anew: bool = False) -> Sequence[Score]:
    evaluator = subject.fresh() if anew else subject.product
    scores: Sequence[Score] = evaluator.evaluate(case)
    return scores


def _text(score: Score) -> str:
    return f"{score} {score.resamples}"


def _seeded(seed: int, work: Callable[[], Sequence[Score]]) -> Sequence[Score]:
    with _kept_random_state():
        torch.manual_seed(seed)
        np.random.seed(seed)
        before = torch.get_rng_state()
        scores = work()
        assert torch.equal(before, torch.get_rng_state()), "the global random state was changed"
    return scores


@contextmanager
def _kept_random_state() -> Iterator[None]:
    state = np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            np.random.set_state(state)
