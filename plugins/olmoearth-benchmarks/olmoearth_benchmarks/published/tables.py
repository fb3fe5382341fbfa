"""Reads the tables beside it: one line per model, one column per task, numbers as the paper prints them.

A column may carry a `doubt`: what could not be read off the paper for sure. It goes with every row of that column.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from olmoearth_core.evaluate.results import Row
from olmoearth_core.interfaces.leaderboard import PUBLISHED


def rows(table: str) -> Iterator[Row]:
    """Yield the rows of the table of that name, model by model."""
    body = _read(table)
    for model, numbers in body["models"].items():
        for column, number in zip(body["columns"], numbers, strict=True):
            if number is not None:
                yield _row(body, model, column, number)


def bounds(table: str) -> dict[tuple[str, str], tuple[float, float]]:
    """Return (task, metric) -> lowest and highest score by which others are scaled to 0 ... 1."""
    return {(one["task"], one["metric"]): (one["low"], one["high"]) for one in _read(table)["bounds"]}


def _row(body: Mapping[str, Any], model: str, column: Mapping[str, Any], number: float) -> Row:
    return Row(
        task=column["task"],
        subject=model,
        metric=column["metric"],
        # Rounded, because 64.7 * 0.01 is not quite 0.647.
        value=round(number * column["unit"], 6),
        primary=True,
        evaluator=column["evaluator"],
        profile=PUBLISHED,
        source=body["source"],
        selected=body["selected"],
        flags=(column["doubt"],) if "doubt" in column else (),
        details={"protocol": body["protocol"]},
    )


def _read(table: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(files(__package__).joinpath(f"{table}.json").read_text("utf-8"))
    return body
