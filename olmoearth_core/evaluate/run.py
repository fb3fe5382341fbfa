"""Tasks times subjects gives result rows: who was scored on what, how sure, on which data, from which weights.

All subjects of a task see the same samples and, because an evaluator is deterministic, the same splits and resamples:
rows can be compared draw by draw.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate import team
from olmoearth_core.evaluate.case import Setting, TaskCase
from olmoearth_core.evaluate.chunks import Chunks, absent_share, fingerprint
from olmoearth_core.evaluate.flags import flagged
from olmoearth_core.evaluate.lazy import subset
from olmoearth_core.evaluate.majority import majority_scores
from olmoearth_core.evaluate.results import Row
from olmoearth_core.evaluate.subjects import Subject, majority
from olmoearth_core.evaluate.tuning import NothingToTrain
from olmoearth_core.features.compress import Compression
from olmoearth_core.features.embed import Reading
from olmoearth_core.features.store import Store
from olmoearth_core.interfaces.evaluation import ALL, Context, Opened, Score, Task
from olmoearth_core.scores import metrics
from olmoearth_core.scores.interval import difference
from olmoearth_core.train.distributed import World

if TYPE_CHECKING:
    from olmoearth_core.interfaces.modality import ModalitySpec


@dataclass(frozen=True)
class OpenTask:
    """A task whose benchmark has been opened: what there is to score on."""

    name: str
    task: Task
    opened: Opened
    profile: str
    chunks: Mapping[str, Chunks]

    @property
    def primary(self) -> str:
        """The metric that is selected and reported by."""
        wanted = self.task.primary_metric or self.task.benchmark.primary_metric
        index = self.task.primary_metric_class
        return metrics.key(wanted, index) if wanted == "class_f1" else wanted

    @property
    def counts(self) -> dict[str, int]:
        """Number of samples of each split."""
        return {split: len(part.samples) for split, part in self.chunks.items()}


ReadingOf = Callable[["OpenTask", Subject], Reading]


@dataclass(frozen=True)
class Options:
    """How tasks are scored, whatever the task.

    test: also on the test split. majority: score the most frequent class too. store: where features are kept.
    """

    test: bool = True
    store: Store = field(default_factory=Store)
    world: World = field(default_factory=lambda: World(torch.device("cpu")))
    majority: bool = False


@dataclass(frozen=True)
class Scored:
    """What one subject reached on one task.

    refused: why it was not scored, "" where it was. settings: what the config says of the task. selected: how these
    settings were chosen, "" where nobody chose.
    """

    subject: Subject
    scores: Sequence[Score] = ()
    refused: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    selected: str = ""


def open_task(name: str, task: Task, specs: Sequence[ModalitySpec], context: Context) -> OpenTask:
    """Open the benchmark of a task.

    Raises:
        DataError: it found nothing for these modalities.
    """
    opened = task.benchmark.open(specs, context=context)
    splits = dict(opened.splits)
    if not splits or not all(len(samples) for samples in splits.values()):
        empty = [split for split, samples in splits.items() if not len(samples)]
        modalities = ", ".join(spec.name for spec in specs)
        raise DataError(
            f"Task {name}: {task.benchmark.name} has no sample{' in ' + ', '.join(empty) if empty else ''} for a model "
            f"of {modalities}."
        )
    if task.max_train_samples is not None and "train" in splits:
        splits["train"] = subset(splits["train"], task.max_train_samples, task.subset_seed)
    if task.batch_size < 1:
        raise ConfigError(f"Task {name}: batch_size is {task.batch_size}, but must be at least 1.")
    chunks = {split: Chunks(split, samples, task.batch_size) for split, samples in splits.items()}
    return OpenTask(name, task, opened, context.profile, chunks)


def score_task(
    open_: OpenTask,
    subjects: Sequence[Subject],
    reading: ReadingOf,
    options: Options,
    settings: Mapping[str, Any] | None = None,
) -> list[Row]:
    """Score every subject on one task; the first is also compared with each of the others.

    Every rank must call this alike; rank 0 gets the rows, the others none.
    """
    scored = []
    for number, subject in enumerate(subjects):
        try:
            scored.append(replace(score_subject(open_, subject, reading, options), settings=settings or {}))
        except NothingToTrain:
            if number == 0:
                raise
    return rows_of(open_, scored, options)


def score_subject(open_: OpenTask, subject: Subject, reading: ReadingOf, options: Options) -> Scored:
    """Score one subject on one task; every rank must call this alike.

    Raises:
        NothingToTrain: the task trains the encoder, and this subject has none.
        DataError, ConfigError: what the benchmark, the scaling or the evaluator found.
    """
    if subject.refuse is not None:
        first = next(iter(open_.chunks.values())).samples[0].sample
        task_type = open_.task.benchmark.task_type
        why = subject.refuse(first, open_.opened.foreign, task_type, open_.task.normalization)
        if why:
            return Scored(subject, refused=why)
    case = TaskCase(subject, reading(open_, subject), _scaled_by(open_), _setting(open_, options))
    if not options.world.speaks:
        case.follow()
        return Scored(subject)
    outcome = team.FAILED
    try:
        scores = open_.task.evaluator.evaluate(case)
        outcome = team.DONE
    except NothingToTrain:
        outcome = team.NOTHING
        raise
    finally:
        case.dismiss(outcome)
    return Scored(subject, scores)


def rows_of(open_: OpenTask, scored: Sequence[Scored], options: Options) -> list[Row]:
    """Return the rows of all subjects of a task, with comparisons and remarks; none on ranks other than 0."""
    if not options.world.speaks:
        return []
    scored = list(scored)
    if options.majority and ALL not in open_.chunks and open_.opened.classes:
        scored.append(Scored(majority(), majority_scores(open_, test=options.test)))
    facts = _facts(open_)
    rows = [_row(facts, one.subject.name, one, score, open_) for one in scored for score in one.scores]
    rows += [_refused(facts, one, open_) for one in scored if one.refused]
    first = scored[0]
    for other in scored[1:]:
        pair = f"{first.subject.name} - {other.subject.name}"
        rows += [_row(facts, pair, first, gain, open_) for gain in _gains(first.scores, other.scores)]
    return flagged(rows)


def _setting(open_: OpenTask, options: Options) -> Setting:
    task = open_.task
    return Setting(
        task.benchmark.task_type, open_.opened.classes, open_.primary, open_.profile, open_.chunks,
        test=options.test, store=options.store, world=options.world,
        compression=Compression.of(task), version=importlib.metadata.version("olmoearth"),
    )  # fmt: skip


def _scaled_by(open_: OpenTask) -> str:
    task, opened = open_.task, open_.opened
    published = repr(opened.statistics) if task.normalization == "dataset" else ""
    return f"{open_.profile} {task.normalization} {task.norm_method} {published} {dict(opened.foreign)}"


def _facts(open_: OpenTask) -> dict[str, Any]:
    chunks = list(open_.chunks.values())
    return {
        "task": open_.name,
        "benchmark": open_.task.benchmark.name,
        "evaluator": open_.task.evaluator.name,
        "profile": open_.profile,
        "counts": open_.counts,
        "absent": round(absent_share(chunks), 6),
        "dataset": fingerprint(chunks),
        "source": open_.opened.source,
        "flags": (open_.opened.remark,) if open_.opened.remark else (),
    }


def _row(facts: Mapping[str, Any], subject: str, one: Scored, score: Score, open_: OpenTask) -> Row:
    return Row(
        **facts, subject=subject, metric=score.metric, value=score.value, low=score.low, high=score.high,
        interval=score.interval, seeds=score.seeds, split=score.split, primary=score.metric == open_.primary,
        weights=one.subject.weights, settings=one.settings, selected=one.selected, details=score.details,
    )  # fmt: skip


def _refused(facts: Mapping[str, Any], one: Scored, open_: OpenTask) -> Row:
    said = {**facts, "flags": (*facts["flags"], f"refused: {one.refused}")}
    return Row(**said, subject=one.subject.name, metric=open_.primary, value=float("nan"), primary=True,
               weights=one.subject.weights, settings=one.settings)  # fmt: skip


def _gains(ours: Sequence[Score], theirs: Sequence[Score]) -> list[Score]:
    """Return how far the first is ahead, metric by metric and split by split, where both have comparable values."""
    known = {(score.split, score.metric): score for score in theirs}
    pairs = [(a, known[a.split, a.metric]) for a in ours if (a.split, a.metric) in known]
    return [difference(a, b) for a, b in pairs if (a.resamples and b.resamples) or len(a.seeds) == len(b.seeds)]
