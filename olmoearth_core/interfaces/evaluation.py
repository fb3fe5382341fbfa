"""Benchmarks (data and task facts) and evaluators (protocols); a task of the config joins the two.

A benchmark gives raw values; whoever is scored brings them to its own scale. So one benchmark serves models with
different normalisations, and a model from elsewhere can refuse values that are in other units than it was made for.
"""

# N samples, D width, h w patches, H W pixels, K classes
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from olmoearth_core.interfaces.modality import ModalitySpec, Statistics

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from olmoearth_core.data.sample import Sample

TaskType = Literal["classification", "multilabel", "segmentation", "regression", "scalar_regression"]
"""One class, several classes, one class per pixel, one number per pixel, one number per sample."""
DENSE: tuple[TaskType, ...] = ("segmentation", "regression")
"""Task types whose labels lie on a grid, for which the patch grid of the features is kept."""
FIXED_SPLITS = ("train", "valid", "test")
ALL = "all"
"""The one split of a benchmark that nobody has divided; the evaluator then cuts it by `group`."""


@dataclass(frozen=True)
class LabelledSample:
    """One evaluation sample: a `Sample` of raw values and its label.

    sample: values in the units of the modality's specification, bands in its order; 0 where `presence` is false.
    label: int64 scalar; 0/1 int64 [K] for multilabel; int64 [H,W] per pixel or [h,w] per patch for segmentation, -1 =
        ignore; float32 [H,W] for regression and a float32 scalar for scalar_regression, NaN = unknown.
    group: spatial block or site the sample belongs to; splits never cut a group.
    name: what the source calls it, for messages.
    """

    sample: Sample
    label: np.ndarray
    group: str = ""
    name: str = ""


@dataclass(frozen=True)
class Opened:
    """The data of a benchmark, listed but not yet read.

    splits: "train", "valid" and "test", or `ALL` alone; samples are read when they are indexed, in a fixed order, and
        a sample that cannot be read raises DataError with its file.
    classes: one name per class, () for regressions.
    statistics: modality -> band -> what the publisher measured on the training split, for `normalization = "dataset"`;
        empty where nobody published any.
    foreign: modality -> the unit its values are in, where that is *not* the unit of the specification; such values
        cannot be brought to the scale of pretraining.
    after_scale: (modality, normalised values) -> values; a quirk of a compatibility profile. None in the default one.
    source: what identifies the data besides its content: release, partition, folder name. Never a path.
    remark: what must be said beside every score on it; "" for nothing.
    """

    splits: Mapping[str, Sequence[LabelledSample]]
    classes: tuple[str, ...] = ()
    statistics: Mapping[str, Mapping[str, Statistics]] = field(default_factory=dict)
    foreign: Mapping[str, str] = field(default_factory=dict)
    after_scale: Callable[[str, np.ndarray], np.ndarray] | None = None
    source: str = ""
    remark: str = ""


@dataclass(frozen=True)
class Context:
    """What the run knows when a benchmark is opened.

    dataset: the run's own data set, for benchmarks made from the pretraining set; None where there is none.
    profile: "default" or the name of a compatibility profile (`olmoearth_core.evaluate.profile`).
    """

    dataset: Any = None
    profile: str = "default"


@runtime_checkable
class Benchmark(Protocol):
    """Data and facts of one task; making it touches no disk.

    patch_size: what the task uses unless it is told otherwise, in pixels of the 10 m grid.
    primary_metric: a name of `olmoearth_core.scores.metrics`; the one that is selected on and carries an interval.
    """

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def task_type(self) -> TaskType:
        """What its labels are."""
        ...

    @property
    def primary_metric(self) -> str:
        """The metric it is judged by."""
        ...

    @property
    def patch_size(self) -> int:
        """Side of a patch, in pixels of the 10 m grid."""
        ...

    def open(self, specs: Sequence[ModalitySpec], *, context: Context) -> Opened:
        """List every sample that the model's modalities can describe, split by split.

        specs: the modalities of the model; samples carry only these.

        Raises:
            DataError: the data is not there, not whole, or has nothing for these modalities.
        """
        ...


@dataclass(frozen=True)
class Score:
    """One number with its spread.

    value: on a fixed split, the mean over probe seeds; else the mean over splits. low, high: 95 % interval; NaN where
        there is none. seeds: one value per seed. split: what it was measured on.
    interval: how low and high came about: "bootstrap" (samples of the split, drawn again with replacement) or "splits"
        (Student over splits).
    resamples: the bootstrap's values in the order of its draws, so that two models can be compared draw by draw.
    """

    metric: str
    value: float
    low: float = float("nan")
    high: float = float("nan")
    seeds: tuple[float, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    split: str = "test"
    interval: str = ""
    resamples: tuple[float, ...] = field(default=(), repr=False)


@runtime_checkable
class Tunable(Protocol):
    """A private copy of an encoder whose weights may be changed.

    module: the encoder. width: D. layers: its parameters by depth, those next to the pixels first, each once.
    """

    @property
    def module(self) -> nn.Module:
        """The encoder."""
        ...

    @property
    def width(self) -> int:
        """Width of a feature."""
        ...

    @property
    def layers(self) -> Sequence[Sequence[nn.Parameter]]:
        """Parameters by depth."""
        ...

    def __call__(self, samples: Sequence[Sample]) -> Tensor:
        """Return features [B,D], or [B,h,w,D] on dense tasks, of raw samples of equal shape, with gradients."""
        ...


@runtime_checkable
class Case(Protocol):
    """One subject on one benchmark: everything an evaluator may ask for.

    test: whether the test split may be looked at; false during training, where scores are of the validation split.
    """

    task_type: TaskType
    classes: tuple[str, ...]
    primary_metric: str
    patch_size: int
    profile: str
    test: bool

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in order."""
        ...

    @property
    def device(self) -> str:
        """Where probes and heads are trained."""
        ...

    def features(self, split: str, *, concat: bool = False) -> Tensor:
        """Return float32 features on the CPU in the order of the samples: [N,D], or [N,h,w,D] on dense tasks.

        concat: keep band groups apart, [N,h,w,G,D], instead of pooling them. The result may be a file mapped into
        memory: take rows of it, never copy it whole.
        """
        ...

    def labels(self, split: str) -> np.ndarray:
        """Return the labels of all samples, stacked."""
        ...

    def groups(self, split: str) -> Sequence[str]:
        """Return the group of each sample."""
        ...

    def samples(self, split: str) -> Sequence[LabelledSample]:
        """Return the raw samples, read when indexed."""
        ...

    def tunable(self) -> Tunable:
        """Return a private, trainable copy of the encoder.

        Raises:
            ConfigError: this subject has nothing to train.
        """
        ...


@runtime_checkable
class Evaluator(Protocol):
    """A protocol: how features become scores. Deterministic for given settings; all randomness comes from its seeds."""

    @property
    def name(self) -> str:
        """What it is called in result rows."""
        ...

    def evaluate(self, case: Case) -> Sequence[Score]:
        """Return scores, those of the validation split and, if `case.test`, those of the test split."""
        ...


@dataclass(frozen=True, kw_only=True)
class Task:
    """[trainer.callbacks.downstream_evaluator.tasks.<name>]: a benchmark, a protocol, and how features are made.

    eval_interval, eval_epochs: steps, or epochs, between evaluations during training; 0 and 0 = only at the end.
    patch_size: pixels of the 10 m grid; null = the benchmark's. pooling: "mean" or "max" over visible tokens.
    normalization: "pretrained" = the statistics of the model, "dataset" = those of the benchmark by `norm_method`.
    batch_size: samples per forward pass; decides memory, not scores.
    max_train_samples: a random subset of the training samples, drawn with `subset_seed`; null = all.
    quantize: null, "int8" (signed square root), or "1bit" ... "8bit" (percentiles, of the file `quantiles`).
    embedding_dim: reduce features by principal components fitted on the training split; null = as they are.
    primary_metric: another metric to select and report by; null = the benchmark's. primary_metric_class: the class
        that "class_f1" is about.
    """

    benchmark: Benchmark
    evaluator: Evaluator
    eval_interval: int = 0
    eval_epochs: int = 0
    patch_size: int | None = None
    pooling: str = "mean"
    normalization: str = "pretrained"
    norm_method: str = "norm_no_clip_2_std"
    batch_size: int = 128
    max_train_samples: int | None = None
    subset_seed: int = 42
    quantize: str | None = None
    quantiles: str | None = None
    embedding_dim: int | None = None
    primary_metric: str | None = None
    primary_metric_class: int | None = None


@dataclass(frozen=True)
class Download:
    """A file of the publisher. sha256 and size are "" and 0 where nobody has published or measured them."""

    url: str
    size: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class About:
    """Where a benchmark comes from and under which terms.

    variable: environment variable that holds its folder, where the config names none.
    downloads: what `olmoearth benchmarks fetch` gets; () where the data is not public. layout: what lies in the folder.
    prepared: whether `open` reads the published files as they are (False), or what `prepare` makes of them (True).
    """

    title: str
    licence: str
    citation: str
    homepage: str = ""
    variable: str = ""
    downloads: tuple[Download, ...] = ()
    layout: str = ""
    prepared: bool = False


@runtime_checkable
class Published(Protocol):
    """A benchmark that says where it comes from; `olmoearth benchmarks` lists it."""

    @property
    def about(self) -> About:
        """Where it comes from and under which terms."""
        ...


@runtime_checkable
class Preparable(Protocol):
    """A benchmark that is read from another layout than the published one."""

    def prepare(self, raw: str, out: str) -> Iterator[str]:
        """Convert the published files below `raw` into the layout that `open` reads, below `out`; both fsspec URLs.

        Yields one line per finished piece. Idempotent: what is there and whole is kept; every file is written under
        another name and renamed.

        Raises:
            DataError: a published file is missing or damaged.
        """
        ...
