"""Tasks times subjects gives result rows: who was scored on what, how sure, on which data, from which weights.

All subjects of a task see the same samples and, because an evaluator is deterministic, the same splits: row pairs
can be compared seed by seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from olmoearth_core.errors import DataError
from olmoearth_core.evaluate.embed import Encode, Reading
from olmoearth_core.evaluate.fingerprint import absent_share, fingerprint
from olmoearth_core.evaluate.interval import difference
from olmoearth_core.evaluate.results import Row
from olmoearth_core.interfaces.evaluation import Benchmark, LabelledSample, Score, Task

if TYPE_CHECKING:
    from olmoearth_core.interfaces.modality import ModalitySpec

PROFILE = "default"


@dataclass(frozen=True)
class Subject:
    """Something that can be scored. encode: a reading -> samples -> features. weights: hash of what it learnt."""

    name: str
    encode: Callable[[Reading], Encode]
    weights: str = ""


def open_task(name: str, task: Task, specs: Sequence[ModalitySpec], context: Mapping[str, Any]) -> list[LabelledSample]:
    """Read all samples of a task.

    Raises:
        DataError: the benchmark found nothing for these modalities.
    """
    data = list(task.benchmark.samples(specs, context=context))
    if not data:
        modalities = ", ".join(spec.name for spec in specs)
        raise DataError(f"Task {name}: {task.benchmark.name} has no sample for a model of {modalities}.")
    return data


def score_task(
    name: str,
    task: Task,
    data: Sequence[LabelledSample],
    subjects: Sequence[Subject],
    reading: Callable[[Benchmark], Reading],
) -> list[Row]:
    """Score every subject on one task; the first is also compared with each of the others."""
    facts = _facts(name, task, data)
    how = reading(task.benchmark)
    rows: list[Row] = []
    first: dict[str, Score] = {}
    for subject in subjects:
        scores = task.evaluator.evaluate(subject.encode(how), data, task.benchmark)
        rows += [_row(facts, subject.name, subject.weights, score, task) for score in scores.values()]
        if not first:
            first = scores
            continue
        pair = f"{subjects[0].name} - {subject.name}"
        rows += [_row(facts, pair, subjects[0].weights, difference(first[m], scores[m]), task) for m in scores]
    return rows


def _facts(name: str, task: Task, data: Sequence[LabelledSample]) -> dict[str, Any]:
    return {
        "task": name,
        "benchmark": task.benchmark.name,
        "evaluator": task.evaluator.name,
        "profile": PROFILE,
        "samples": len(data),
        "absent": round(absent_share(data), 6),
        "dataset": fingerprint(data),
    }


def _row(facts: Mapping[str, Any], subject: str, weights: str, score: Score, task: Task) -> Row:
    primary = score.metric == task.benchmark.primary_metric
    return Row(
        **facts, subject=subject, metric=score.metric, value=score.value, low=score.low, high=score.high,
        seeds=score.seeds, primary=primary, weights=weights, details=score.details,
    )  # fmt: skip
