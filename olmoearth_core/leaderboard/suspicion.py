"""What looks wrong about scores of different evaluations; within one, `flags` has looked already."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from olmoearth_core.evaluate.flags import TRIVIAL
from olmoearth_core.interfaces.leaderboard import PUBLISHED
from olmoearth_core.leaderboard.files import Entry
from olmoearth_core.leaderboard.variants import settings_of
from olmoearth_core.scores import metrics

_SAME = ("task", "metric", "split", "benchmark", "evaluator", "profile")
EVERYWHERE = TRIVIAL[:2]
"""Subjects that are the same in every evaluation of the same data; an untrained encoder is not."""


def suspected(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries with remarks about those that look wrong beside entries of other evaluations.

    Other weights or settings with the very same numbers to the last bit, and models that a trivial subject of another
    evaluation of the same data beats. Published rows are rounded; nothing is said of them.
    """
    by_case: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for entry in entries:
        by_case[tuple(getattr(entry.row, name) for name in _SAME)].append(entry)
    found = {id(entry): _remarks(entry, rivals) for rivals in by_case.values() for entry in rivals}
    return [replace(e, row=replace(e.row, flags=tuple(dict.fromkeys((*e.row.flags, *found[id(e)]))))) for e in entries]


def _remarks(entry: Entry, rivals: Sequence[Entry]) -> list[str]:
    row = entry.row
    if row.profile == PUBLISHED or math.isnan(row.value):
        return []
    others = [o for o in rivals if o.place != entry.place and not math.isnan(o.row.value) and _same_data(entry, o)]
    found = [f"equal to the last bit to {other.model} of {other.place}" for other in others if _twins(entry, other)]
    if not entry.trivial:
        found += [
            f"below {other.row.subject}"
            for other in others
            if other.row.subject in EVERYWHERE and metrics.better(row.metric, other.row.value, row.value)
        ]
    return found


def _same_data(entry: Entry, other: Entry) -> bool:
    ours, theirs = entry.row.dataset, other.row.dataset
    return ours == theirs or not (ours and theirs)


def _twins(entry: Entry, other: Entry) -> bool:
    a, b = entry.row, other.row
    different = a.weights != b.weights or settings_of(a) != settings_of(b)
    return different and (a.value, a.seeds, _interval(a.low, a.high)) == (b.value, b.seeds, _interval(b.low, b.high))


def _interval(low: float, high: float) -> tuple[float, float] | None:
    return None if math.isnan(low) or math.isnan(high) else (low, high)
