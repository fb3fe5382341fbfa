"""Many evaluations side by side: a line per model and protocol, a column per task.

Scores are compared within one protocol and one profile, on the same data and split; what stands in a column and does
not fit is marked and neither wins nor counts. Means over tasks are over those that all compared models have.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from olmoearth_core.evaluate.results import Row
from olmoearth_core.interfaces.leaderboard import PUBLISHED
from olmoearth_core.leaderboard import variants
from olmoearth_core.leaderboard.files import Entry, Found
from olmoearth_core.scores import metrics

Column = tuple[str, str]
"""(task, metric)"""
Bounds = Mapping[Column, tuple[float, float]]


@dataclass(frozen=True)
class Cell:
    """A score in the table. odd: why it may not be compared with the others of its column, "" where it may."""

    row: Row
    odd: str = ""
    best: bool = False

    @property
    def counts(self) -> bool:
        """Whether it takes part in comparisons."""
        return not self.odd and math.isfinite(self.row.value)

    @property
    def half(self) -> float:
        """Half the width of the 95 % interval; NaN where there is none."""
        return (self.row.high - self.row.low) / 2


@dataclass(frozen=True)
class Line:
    """A model under one protocol.

    variant: settings in which it differs from other lines. normalised: mean of (score - low) / (high - low) over shared
    tasks with known bounds. rank: mean over shared tasks, 1 = best, ties share their mean. Both None where unknown.
    """

    model: str
    profile: str
    variant: str = ""
    weights: str = ""
    trivial: bool = False
    cells: Mapping[Column, Cell] = field(default_factory=dict)
    normalised: float | None = None
    rank: float | None = None

    @property
    def published(self) -> bool:
        """Whether others have measured it."""
        return self.profile == PUBLISHED

    @property
    def name(self) -> str:
        """The model with what sets this line apart."""
        return f"{self.model} [{self.variant}]" if self.variant else self.model


@dataclass(frozen=True)
class Section:
    """All lines of one protocol."""

    evaluator: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Board:
    """The whole leaderboard. remarks: what a reader must know, one sentence each."""

    sections: tuple[Section, ...]
    remarks: tuple[str, ...]


def build(found: Found, bounds: Bounds | None = None) -> Board:
    """Lay out the scores of entries that have been chosen already: one metric per task, usually.

    bounds: (task or benchmark, metric) -> the scores that count as 0 and as 1.
    """
    entries = _named_apart(found.entries)
    names = variants.differing(e.row for e in entries if e.row.profile != PUBLISHED)
    by_protocol: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_protocol[entry.row.evaluator].append(entry)
    sections, remarks = list[Section](), list[str]()
    for evaluator, own in sorted(by_protocol.items()):
        section, said = _section(evaluator, own, names.get(evaluator, ()), bounds or {})
        sections.append(section)
        remarks += said
    return Board(tuple(sections), tuple(dict.fromkeys((*found.remarks, *remarks, *_flags(entries)))))


def _named_apart(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries with the hash of the weights in the name where two models have the same name."""
    weights: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        weights[entry.model].add(entry.row.weights)
    return [replace(e, model=f"{e.model} {e.row.weights[:8]}".rstrip()) if len(weights[e.model]) > 1 else e
            for e in entries]  # fmt: skip


def _section(
    evaluator: str, entries: Sequence[Entry], names: Sequence[str], bounds: Bounds
) -> tuple[Section, list[str]]:
    columns = tuple(dict.fromkeys((e.row.task, e.row.metric) for e in entries))
    usual = {column: _usual([e.row for e in entries if (e.row.task, e.row.metric) == column]) for column in columns}
    lines = _lines(entries, names, usual)
    ranked, remarks = list[Line](), list[str]()
    profiles = list(dict.fromkeys(line.profile for line in lines))
    for profile in sorted(profiles, key=lambda p: (p == PUBLISHED, p)):
        group, said = _compared([line for line in lines if line.profile == profile], columns, bounds)
        ranked += group
        remarks += [f"{evaluator}, {profile}: {text}" for text in said]
    if len(profiles) > 1:
        both = ", ".join(profiles)
        remarks.insert(0, f"{evaluator}: profiles {both} stand in one column; best and ranks are within each")
    remarks += [f"{line.name}, {task}: {cell.odd}" for line in ranked for (task, _), cell in line.cells.items()
                if cell.odd]  # fmt: skip
    return Section(evaluator, columns, tuple(ranked)), remarks


def _usual(rows: Sequence[Row]) -> tuple[str, str]:
    """Return the split and the data of most measured scores."""
    measured = [row for row in rows if row.profile != PUBLISHED and math.isfinite(row.value)] or rows
    return Counter((row.split, row.dataset) for row in measured).most_common(1)[0][0]


def _lines(entries: Sequence[Entry], names: Sequence[str], usual: Mapping[Column, tuple[str, str]]) -> list[Line]:
    """Return a line per model, profile and settings; a second score for the same place opens another line."""
    cells: dict[tuple[str, str, str, int], dict[Column, Cell]] = defaultdict(dict)
    trivial: dict[str, bool] = {}
    weights: dict[str, str] = {}
    for entry in entries:
        row, column = entry.row, (entry.row.task, entry.row.metric)
        variant = variants.said(row, names) if row.profile != PUBLISHED else ""
        if row.selected and row.profile != PUBLISHED:
            variant = "selected"
        number, cell = 1, Cell(row, _odd(row, *usual[column]))
        while (there := cells[entry.model, row.profile, variant, number].get(column)) and not _same(there.row, row):
            number += 1
        cells[entry.model, row.profile, variant, number].setdefault(column, cell)
        trivial[entry.model], weights[entry.model] = entry.trivial, row.weights
    return [
        Line(model, profile, _numbered(variant, number), weights[model], trivial[model], own)
        for (model, profile, variant, number), own in cells.items() if own
    ]  # fmt: skip


def _numbered(variant: str, number: int) -> str:
    return variant if number == 1 else ", ".join(part for part in (variant, f"no. {number}") if part)


def _same(a: Row, b: Row) -> bool:
    both_nan = math.isnan(a.value) and math.isnan(b.value)
    return (a.value == b.value or both_nan) and (a.split, a.dataset, a.seeds) == (b.split, b.dataset, b.seeds)


def _odd(row: Row, split: str, dataset: str) -> str:
    if row.profile == PUBLISHED:
        return ""
    if row.split != split:
        return f"split {row.split}, others {split}"
    return f"data {row.dataset}, others {dataset}" if row.dataset and dataset and row.dataset != dataset else ""


def _compared(lines: Sequence[Line], columns: Sequence[Column], bounds: Bounds) -> tuple[list[Line], list[str]]:
    """Return the lines of one profile with best scores, means and ranks, the best line first, trivial ones last."""
    rivals = [line for line in lines if not line.trivial and any(cell.counts for cell in line.cells.values())]
    shared = [column for column in columns if rivals and all(_counts(line, column) for line in rivals)]
    bounded = {column: limits for column in shared if (limits := _limits(rivals[0].cells[column].row, bounds))}
    ranks = _ranks(rivals, shared) if len(rivals) > 1 else {}
    done = [
        replace(line, cells=_with_best(line, lines), rank=ranks.get(id(line)), normalised=_normalised(line, bounded))
        for line in lines
    ]
    done.sort(key=lambda line: (line.trivial, math.inf if line.rank is None else line.rank))
    remarks = []
    if len(rivals) > 1:
        over = ", ".join(task for task, _ in shared)
        remarks.append(f"mean rank over {over}" if shared else f"no task is shared by all {len(rivals)}; no mean rank")
    if bounded:
        remarks.append(f"normalised score over {', '.join(task for task, _ in bounded)}")
    return done, remarks


def _counts(line: Line, column: Column) -> bool:
    return column in line.cells and line.cells[column].counts


def _limits(row: Row, bounds: Bounds) -> tuple[float, float] | None:
    return bounds.get((row.task, row.metric)) or bounds.get((row.benchmark, row.metric))


def _normalised(line: Line, bounded: Mapping[Column, tuple[float, float]]) -> float | None:
    if not bounded or not all(_counts(line, column) for column in bounded):
        return None
    scaled = [(line.cells[column].row.value - low) / (high - low) for column, (low, high) in bounded.items()]
    return math.fsum(scaled) / len(scaled)


def _ranks(lines: Sequence[Line], shared: Sequence[Column]) -> dict[int, float]:
    """Return id of line -> mean over columns of 1 + those that are better + half of the others that are equal."""
    if not shared:
        return {}
    total = dict.fromkeys(map(id, lines), 0.0)
    for column in shared:
        values = [metrics.direction(column[1]) * line.cells[column].row.value for line in lines]
        for line, value in zip(lines, values, strict=True):
            total[id(line)] += 1 + sum(v > value for v in values) + (values.count(value) - 1) / 2
    return {key: rank / len(shared) for key, rank in total.items()}


def _with_best(line: Line, lines: Sequence[Line]) -> dict[Column, Cell]:
    """Return the cells of a line, the best of several of a column marked."""
    cells = {}
    for column, cell in line.cells.items():
        values = [other.cells[column].row.value for other in lines if _counts(other, column)]
        beaten = any(metrics.better(column[1], value, cell.row.value) for value in values)
        cells[column] = replace(cell, best=cell.counts and len(values) > 1 and not beaten)
    return cells


def _flags(entries: Sequence[Entry]) -> list[str]:
    """Return each flag once, with the tasks that it is about; those of published rows and their sources too."""
    tasks: dict[str, list[str]] = defaultdict(list)
    sources = list[str]()
    for entry in entries:
        row, known = entry.row, entry.row.profile == PUBLISHED
        for flag in (*row.flags, *([f"selected {row.selected}"] if row.selected and not known else [])):
            tasks[f"{'published' if known else entry.model}: {flag}"].append(row.task)
        if known:
            sources.append(f"published, {row.evaluator}: {row.source}; {row.details.get('protocol', '')}; "
                           f"selected {row.selected or 'by nobody'}")  # fmt: skip
    flags = [f"{flag} ({', '.join(dict.fromkeys(about))})" for flag, about in tasks.items()]
    return [*flags, *dict.fromkeys(sources)]
