"""Benchmarks (data and task facts) and evaluators (protocols); a task of the config joins the two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from olmoearth_core.interfaces.modality import ModalitySpec

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from olmoearth_core.data.sample import Sample

TaskType = Literal["classification", "multilabel", "segmentation", "regression"]


@dataclass(frozen=True)
class LabelledSample:
    """One evaluation sample: a normalised `Sample` and its label.

    label: int64 scalar, [K] for multilabel, or [H', W'] per patch / [H, W] per pixel for segmentation, -1 = ignore.
    group: spatial block or site the sample belongs to; splits never cut a group.
    """

    sample: Sample
    label: np.ndarray
    group: str = ""


@runtime_checkable
class Benchmark(Protocol):
    """Data and facts of one task; opening it reads nothing until `samples` is called."""

    name: str
    task_type: TaskType
    classes: tuple[str, ...]
    primary_metric: str
    patch_size: int

    def samples(self, specs: Sequence[ModalitySpec], *, context: Mapping[str, Any]) -> Iterator[LabelledSample]:
        """Yield every sample that the model's modalities can describe.

        context: what the run knows, e.g. {"h5py_dir": ...}, for benchmarks made from the pretraining set.
        """
        ...


@dataclass(frozen=True)
class Score:
    """One number with its spread over seeds.

    value: mean over seeds. low, high: 95 % confidence interval. seeds: one value per seed.
    """

    metric: str
    value: float
    low: float
    high: float
    seeds: tuple[float, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Evaluator(Protocol):
    """A protocol: how features become scores. Deterministic for a given seed."""

    name: str

    def evaluate(
        self, encode: Callable[[Sequence[Sample]], Tensor], data: Sequence[LabelledSample], benchmark: Benchmark
    ) -> dict[str, Score]:
        """Return scores by metric name. encode: samples -> features [N, D] or [N, H', W', D]."""
        ...


@dataclass(frozen=True, kw_only=True)
class Task:
    """[trainer.callbacks.downstream_evaluator.tasks.<name>]: a benchmark and a protocol.

    eval_interval: steps between evaluations during training; 0 = only at the end.
    """

    benchmark: Benchmark
    evaluator: Evaluator
    eval_interval: int = 0
