"""What makes a number suspect: it equals another to the last bit, or something trivial does better.

Two models that were really fed different weights do not agree on every digit; where they do, a setting was usually
ignored. (Of 290 published rows of one benchmark 81 were such twins: torchgeo-bench, issue 206.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from olmoearth_core.evaluate.results import Row
from olmoearth_core.scores import metrics

TRIVIAL = ("majority", "pixels", "untrained")
"""Subjects that nobody has trained, worst first."""


def flagged(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with remarks about those that look wrong; rows of other tasks or splits are never compared."""
    return [replace(row, flags=(*row.flags, *_flags(row, rows))) if row.primary else row for row in rows]


def _flags(row: Row, rows: Sequence[Row]) -> list[str]:
    if row.compares or any(flag.startswith("refused") for flag in row.flags):
        return []
    if math.isnan(row.value):
        return ["no number"]
    rivals = [other for other in rows if _comparable(row, other)]
    found = [f"equal to the last bit to {_name(o)}" for o in rivals if _twins(row, o)]
    if row.subject not in TRIVIAL:
        found += [
            f"below {other.subject}"
            for other in rivals
            if other.subject in TRIVIAL and metrics.better(row.metric, other.value, row.value)
        ]
    return list(dict.fromkeys(found))


def _comparable(row: Row, other: Row) -> bool:
    same = ("task", "metric", "split", "benchmark", "evaluator", "profile")
    return (
        other is not row
        and not other.compares
        and not math.isnan(other.value)
        and all(getattr(row, name) == getattr(other, name) for name in same)
        and (row.dataset == other.dataset or not (row.dataset and other.dataset))
    )


def _twins(row: Row, other: Row) -> bool:
    """Whether two rows of different weights or settings have the very same numbers."""
    different = (row.subject, row.weights, row.settings) != (other.subject, other.weights, other.settings)
    return different and (row.value, row.seeds, row.low, row.high) == (other.value, other.seeds, other.low, other.high)


def _name(row: Row) -> str:
    return row.subject if not row.weights else f"{row.subject} ({row.weights})"
