"""What published numbers must say about themselves."""

from __future__ import annotations

import math
import re

from olmoearth_core.interfaces.leaderboard import PUBLISHED, Leaderboard
from olmoearth_core.scores import metrics
from olmoearth_core.testing.subject import Subject

CHECKS = (
    "names_its_source",
    "every_row_is_a_finite_number_with_its_source",
    "every_metric_is_known",
    "no_score_is_given_twice",
    "bounds_are_apart",
)
_KNOWN = {name for task_type in metrics.DEFAULTS for name in metrics.names(task_type)}
_OF_A_CLASS = re.compile(r"f1_class_\d+")


def names_its_source(subject: Subject) -> None:
    """A number that nobody can look up is a rumour."""
    board = _board(subject)
    assert board.name, "name is empty"
    assert board.source, "source is empty"
    assert board.rows(), "there is no row"


def every_row_is_a_finite_number_with_its_source(subject: Subject) -> None:
    """Rows name task, model, protocol and table, and are marked as published."""
    for row in _board(subject).rows():
        where = f"{row.subject} on {row.task}"
        assert math.isfinite(row.value), f"{where}: the value is {row.value}; leave out what was not published"
        assert row.profile == PUBLISHED, f'{where}: the profile is "{row.profile}", expected "{PUBLISHED}"'
        assert row.primary, f"{where}: primary is False, so no table would show it"
        for name in ("task", "subject", "evaluator", "source"):
            assert getattr(row, name), f"{where}: {name} is empty"
        assert not row.compares, f'{where}: a name with " - " in it reads as a difference of two'


def every_metric_is_known(subject: Subject) -> None:
    """Metrics are called as evaluators call them, and shares are shares."""
    for row in _board(subject).rows():
        known = row.metric in _KNOWN or _OF_A_CLASS.fullmatch(row.metric)
        assert known, f"{row.subject} on {row.task}: no metric {row.metric}; known are {', '.join(sorted(_KNOWN))}"
        share = not row.metric.endswith(("mae", "rmse"))
        assert not (share and row.value > 1), f"{row.subject} on {row.task}: {row.metric} is {row.value}; divide by 100"


def no_score_is_given_twice(subject: Subject) -> None:
    """Two rows for one model, task, metric and protocol would leave the reader to guess."""
    keys = [(r.subject, r.task, r.metric, r.evaluator, r.split, r.source) for r in _board(subject).rows()]
    twice = sorted({str(key) for key in keys if keys.count(key) > 1}) if len(set(keys)) < len(keys) else []
    assert not twice, f"given more than once: {'; '.join(twice)}"


def bounds_are_apart(subject: Subject) -> None:
    """A score is divided by the distance between its bounds."""
    for (task, metric), (low, high) in _board(subject).bounds().items():
        assert math.isfinite(low), f"{task} {metric}: the lower bound is {low}"
        assert math.isfinite(high), f"{task} {metric}: the upper bound is {high}"
        assert low != high, f"{task} {metric}: both bounds are {low}"


def _board(subject: Subject) -> Leaderboard:
    assert isinstance(subject.product, Leaderboard)
    return subject.product
