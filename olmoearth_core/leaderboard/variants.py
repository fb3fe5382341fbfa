"""In which settings scores differ, of those that can change a score."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from olmoearth_core.evaluate.results import Row

_HARMLESS = ("batch_size", "eval_interval", "eval_epochs")
"""Decide how long it takes and how much memory it needs."""
_PLACES = ("root", "_dir")
"""Ends of the names of settings that say where data are; which data they are, their hash says better."""


def settings_of(row: Row) -> dict[str, str]:
    """Return dotted name -> value as JSON text, of the settings that can change a score.

    Empty where settings were chosen on the validation split: then the choice is the protocol, and its outcome is not.
    """
    if row.selected:
        return {}
    flat = dict(_flat("", row.settings))
    return {k: v for k, v in flat.items() if k not in _HARMLESS and not k.endswith(_PLACES) and "@benchmarks" not in k}


def differing(rows: Iterable[Row]) -> dict[str, tuple[str, ...]]:
    """Return evaluator -> names of settings that are not the same in all of its rows of some task and metric.

    Rows without settings (the majority class, published scores) say nothing about it.
    """
    values: dict[tuple[str, str], dict[tuple[str, str], set[str | None]]] = defaultdict(lambda: defaultdict(set))
    known: dict[tuple[str, str, str], list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        if row.settings and not row.selected:
            known[row.evaluator, row.task, row.metric].append(settings_of(row))
    for (evaluator, *case), all_settings in known.items():
        for name in {name for one in all_settings for name in one}:
            values[evaluator, name][case[0], case[1]] |= {one.get(name) for one in all_settings}
    found: dict[str, list[str]] = defaultdict(list)
    for (evaluator, name), by_case in sorted(values.items()):
        if any(len(different) > 1 for different in by_case.values()):
            found[evaluator].append(name)
    return {evaluator: tuple(names) for evaluator, names in found.items()}


def said(row: Row, names: Iterable[str]) -> str:
    """Return these settings of a row as people write them: "evaluator.k=5, pooling=max"."""
    own = settings_of(row)
    return ", ".join(f"{name.removeprefix('evaluator.')}={own[name].strip(chr(34))}" for name in names if name in own)


def _flat(prefix: str, value: Any) -> Iterable[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), below)
    else:
        yield prefix, json.dumps(value, sort_keys=True)
