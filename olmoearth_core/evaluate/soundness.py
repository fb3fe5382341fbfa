"""Is the data of a benchmark what it should be? Every sample is read once; what is wrong with it becomes a fault.

A fault says which file, what was found, what was expected and what to do. What is odd but may be meant is a note.
"""

# K classes
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from olmoearth_core.errors import DataError
from olmoearth_core.evaluate.chunks import content_hash
from olmoearth_core.interfaces.evaluation import DENSE, LabelledSample, Opened, TaskType
from olmoearth_core.interfaces.modality import ModalitySpec

_OUTSIDE = 0.01
"""Share of a modality's values outside its valid range from which on the unit is wrong; clouds and noise are below."""
_SHOWN = 3


@dataclass
class Range:
    """Of the values of one band that are there. outside: how many are beyond the valid range."""

    low: float = float("inf")
    high: float = float("-inf")
    count: int = 0
    outside: int = 0


@dataclass
class SplitFacts:
    """What a split holds. labels: class -> pixels or samples with it, or None for regressions, then in `target`."""

    name: str
    samples: int
    read: int = 0
    groups: set[str] = field(default_factory=set)
    labels: Counter[int] = field(default_factory=Counter)
    ignored: int = 0
    target: Range = field(default_factory=Range)
    values: int = 0
    absent: float = 0.0
    ranges: dict[tuple[str, str], Range] = field(default_factory=dict)
    shapes: set[tuple[int, ...]] = field(default_factory=set)

    @property
    def absent_share(self) -> float:
        """Share of input values that were not there."""
        return self.absent / self.values if self.values else 0.0


@dataclass
class Report:
    """What was found. faults: each one sentence of where, what, what was expected and what to do."""

    splits: list[SplitFacts] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def examine(
    opened: Opened,
    task_type: TaskType,
    specs: Sequence[ModalitySpec],
    *,
    most: int | None = None,
    progress: Callable[[int, int], None] = lambda done, number: None,
) -> Report:
    """Read the samples of all splits, at most `most` of each."""
    report, known = Report(), {spec.name: spec for spec in specs}
    total = sum(_count(samples, most) for samples in opened.splits.values())
    seen: dict[str, tuple[str, str]] = {}
    done = 0
    for name, samples in opened.splits.items():
        facts = SplitFacts(name, len(samples))
        report.splits.append(facts)
        if not len(samples):
            report.faults.append(f"{name}: has no sample, expected some. Fetch or prepare the data again.")
        for at in range(_count(samples, most)):
            _read(samples, at, facts, report, (opened, task_type, known, seen))
            done += 1
            progress(done, total)
        report.faults += _range_faults(facts, opened.foreign, known)
    report.faults += [f for facts in report.splits for f in _shape_faults(facts, task_type)]
    report.notes += [*_class_notes(report.splits, opened.classes, task_type), *_group_notes(report.splits)]
    return report


_Around = tuple[Opened, TaskType, Mapping[str, ModalitySpec], dict[str, tuple[str, str]]]


def _count(samples: Sequence[LabelledSample], most: int | None) -> int:
    return len(samples) if most is None else min(most, len(samples))


def _read(samples: Sequence[LabelledSample], at: int, facts: SplitFacts, report: Report, around: _Around) -> None:
    opened, task_type, known, seen = around
    try:
        one = samples[at]
    except (DataError, OSError) as error:
        report.faults.append(f"{facts.name}, sample {at}: cannot be read: {error}")
        return
    facts.read += 1
    where = f"{facts.name}, {one.name or f'sample {at}'}"
    if one.group:
        facts.groups.add(one.group)
    report.faults += [f"{where}: {fault}" for fault in _value_faults(one, facts, known)]
    report.faults += [f"{where}: {fault}" for fault in _label_faults(one, facts, task_type, len(opened.classes))]
    split, twin = seen.setdefault(content_hash(one), (facts.name, where))
    if split != facts.name:
        report.faults.append(
            f"{where}: is the same sample as {twin}, expected no sample in two splits, because then scores are of what "
            "was learnt by heart. Prepare the data again, or leave one of them out."
        )
    elif twin != where:
        report.notes.append(f"{where}: is the same sample as {twin}")


def _value_faults(one: LabelledSample, facts: SplitFacts, known: Mapping[str, ModalitySpec]) -> Iterator[str]:
    sample = one.sample
    months, days = sample.timestamps[:, 1], sample.timestamps[:, 0]
    if ((months < 0) | (months > 11) | (days < 1) | (days > 31)).any():
        found = sample.timestamps.tolist()[:_SHOWN]
        yield f"has the dates {found}, expected day 1-31, month 0-11, year. Prepare it again."
    for name, array in sample.arrays.items():
        there = np.broadcast_to(sample.presence[name], array.shape)
        facts.values += array.size
        facts.absent += array.size - int(there.sum())
        finite = np.isfinite(array)
        if broken := int((~finite & there).sum()):
            yield (
                f"{name} has {broken} of {array.size} values that are not finite, expected numbers, and `presence` "
                "false where there is none. Prepare it again, or report the loader."
            )
        if filled := int((~there & (array != 0)).sum()):
            yield f"{name} has {filled} values where nothing is there, expected 0. Report the loader."
        if name in known:
            _note_ranges(known[name], array, finite & there, facts)


def _note_ranges(spec: ModalitySpec, array: np.ndarray, usable: np.ndarray, facts: SplitFacts) -> None:
    low, high = spec.valid_range or (-np.inf, np.inf)
    for channel, band in enumerate(spec.band_order):
        values = array[..., channel][usable[..., channel]]
        if values.size:
            noted = facts.ranges.setdefault((spec.name, band), Range())
            noted.low, noted.high = min(noted.low, float(values.min())), max(noted.high, float(values.max()))
            noted.count += values.size
            noted.outside += int(((values < low) | (values > high)).sum())


def _range_faults(facts: SplitFacts, foreign: Mapping[str, str], known: Mapping[str, ModalitySpec]) -> Iterator[str]:
    for (modality, band), found in facts.ranges.items():
        if modality in foreign or not found.outside > _OUTSIDE * found.count:
            continue
        low, high = known[modality].valid_range or (0, 0)
        yield (
            f"{facts.name}: {found.outside / found.count:.1%} of the values of {modality} {band} ({found.low:g} to "
            f"{found.high:g}) lie outside {low:g} to {high:g}, expected the units of the modality. Check the unit of "
            "the files, and that `prepare` was run."
        )


def _label_faults(one: LabelledSample, facts: SplitFacts, task_type: TaskType, classes: int) -> Iterator[str]:
    label = np.asarray(one.label)
    facts.shapes.add(label.shape)
    if task_type in ("regression", "scalar_regression"):
        values = label[np.isfinite(label)]
        facts.ignored += label.size - values.size
        if values.size:
            target = facts.target
            target.low, target.high = min(target.low, float(values.min())), max(target.high, float(values.max()))
            target.count += values.size
        if np.isinf(label).any():
            yield "its label holds an infinite number, expected numbers, or NaN for unknown. Prepare it again."
        return
    if label.dtype.kind not in "iu":
        yield f"its label is of {label.dtype}, expected whole numbers. Report the loader."
        return
    if task_type == "multilabel":
        if label.shape != (classes,) or not np.isin(label, (0, 1)).all():
            found = f"shape {label.shape} and values up to {label.max(initial=0)}"
            yield f"its label has {found}, expected 0 or 1 of {classes} classes. Prepare it again."
            return
        facts.labels.update(int(k) for k in np.flatnonzero(label))
        return
    lowest = -1 if task_type in DENSE else 0
    if label.size and (label.min() < lowest or label.max() >= classes):
        yield f"its label holds {label.min()} to {label.max()}, expected {lowest} to {classes - 1}. Prepare it again."
        return
    for number, count in zip(*np.unique(label, return_counts=True), strict=True):
        if number < 0:
            facts.ignored += int(count)
        else:
            facts.labels[int(number)] += int(count)


def _shape_faults(facts: SplitFacts, task_type: TaskType) -> Iterator[str]:
    if len(facts.shapes) > 1:
        yield (
            f"{facts.name}: labels have the shapes {sorted(facts.shapes)}, expected one for a {task_type} task. "
            "Prepare the data again."
        )


def _class_notes(splits: Sequence[SplitFacts], classes: Sequence[str], task_type: TaskType) -> Iterator[str]:
    if not classes or task_type in ("regression", "scalar_regression"):
        return
    train = next((facts for facts in splits if facts.name == "train"), None)
    for facts in splits if train else ():
        if strange := [classes[k] for k in sorted(set(facts.labels) - set(train.labels if train else ()))]:
            yield f"{facts.name} has classes that train has not: {', '.join(strange)}"
    seen = {k for facts in splits for k in facts.labels}
    if never := [name for k, name in enumerate(classes) if k not in seen]:
        yield f"never seen: {', '.join(never)}"


def _group_notes(splits: Sequence[SplitFacts]) -> Iterator[str]:
    for number, one in enumerate(splits):
        for other in splits[number + 1 :]:
            if shared := sorted(one.groups & other.groups):
                shown = ", ".join(shared[:_SHOWN])
                yield f"{one.name} and {other.name} share {len(shared)} groups, such as {shown}: they are neighbours"
