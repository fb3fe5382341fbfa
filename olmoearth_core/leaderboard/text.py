"""A leaderboard as text for the terminal, as Markdown, as CSV and as JSON; the last two have all digits."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from olmoearth_core.evaluate.results import as_json
from olmoearth_core.leaderboard.board import Board, Cell, Line, Section

FORMAT = 1
ODD = "*"
"""Marks a score that may not be compared with the others of its column; the remarks say why."""


def text(board: Board) -> str:
    """Return aligned text: a table per protocol, then the remarks."""
    parts = []
    for section in board.sections:
        rows = [[_plain(cell) for cell in row] for row in _rows(section)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        parts.append("\n".join([section.evaluator or "no protocol", *lines]))
    return "\n\n".join([*parts, *(["\n".join(board.remarks)] if board.remarks else [])]) + "\n"


def markdown(board: Board) -> str:
    """Return Markdown: the best score of each column is bold."""
    parts = []
    for section in board.sections:
        head, metric, *rows = [[_escaped(_bold(cell)) for cell in row] for row in _rows(section)]
        titles = [f"{a}<br>{b}" if a and b else a for a, b in zip(head, metric, strict=True)]
        under = ["---" if i < 2 else "---:" for i in range(len(titles))]
        lines = [f"| {' | '.join(row)} |" for row in (titles, under, *rows)]
        parts.append("\n".join([f"## {section.evaluator or 'no protocol'}", "", *lines]))
    remarks = "\n".join(f"- {_escaped(remark)}" for remark in board.remarks)
    return "\n\n".join([*parts, *([remarks] if remarks else [])]) + "\n"


def comma_separated(board: Board) -> str:
    """Return one table of all protocols: value and half-width of the interval per task and metric."""
    columns = list(dict.fromkeys(column for section in board.sections for column in section.columns))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    heads = [f"{task} {metric}{end}" for task, metric in columns for end in ("", " half-width")]
    writer.writerow(["model", "protocol", "profile", "settings", *heads, "normalised", "mean rank"])
    for section in board.sections:
        for line in section.lines:
            cells = [line.cells.get(column) for column in columns]
            numbers = [number for c in cells for number in ((c.row.value, c.half) if c else (math.nan, math.nan))]
            own = [*numbers, _number(line.normalised), _number(line.rank)]
            shown = ["" if math.isnan(number) else repr(number) for number in own]
            writer.writerow([line.model, section.evaluator, line.profile, line.variant, *shown])
    return out.getvalue()


def as_text_of_json(board: Board) -> str:
    """Return JSON with everything: whole rows, marks, remarks."""
    sections = [
        {"protocol": s.evaluator, "columns": [list(c) for c in s.columns], "lines": [_line(one) for one in s.lines]}
        for s in board.sections
    ]
    body = {"format": FORMAT, "sections": sections, "remarks": list(board.remarks)}
    return json.dumps(body, indent=1, allow_nan=False) + "\n"


FORMATS: Mapping[str, Callable[[Board], str]] = {
    "text": text,
    "markdown": markdown,
    "csv": comma_separated,
    "json": as_text_of_json,
}


def _rows(section: Section) -> list[list[str | Cell]]:
    """Return two lines of heads and the lines of the table; columns that say nothing are left out."""
    ends: list[tuple[str, Callable[[Line], float | None]]] = []
    if any(line.normalised is not None for line in section.lines):
        ends.append(("normalised", lambda line: line.normalised))
    if any(line.rank is not None for line in section.lines):
        ends.append(("mean rank", lambda line: line.rank))
    head: list[str | Cell] = ["model", "profile", *(task for task, _ in section.columns), *(name for name, _ in ends)]
    metric: list[str | Cell] = ["", "", *(metric for _, metric in section.columns), *("" for _ in ends)]
    body = [
        [line.name, line.profile, *(line.cells.get(column, "") for column in section.columns), *_ends(line, ends)]
        for line in section.lines
    ]
    return [head, metric, *body]


def _ends(line: Line, ends: Sequence[tuple[str, Callable[[Line], float | None]]]) -> list[str]:
    values = [value(line) for _, value in ends]
    return ["" if value is None else f"{value:.2f}" for value in values]


def _plain(cell: str | Cell) -> str:
    if isinstance(cell, str):
        return cell
    row = cell.row
    if math.isnan(row.value):
        return "refused" if any(flag.startswith("refused") for flag in row.flags) else "no number"
    half = "" if math.isnan(cell.half) else f" ±{cell.half:.3f}"
    return f"{row.value:.3f}{half}{ODD if cell.odd else ''}"


def _bold(cell: str | Cell) -> str:
    return f"**{_plain(cell)}**" if isinstance(cell, Cell) and cell.best else _plain(cell)


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("<", "&lt;")


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _line(line: Line) -> dict[str, Any]:
    return {
        "model": line.model,
        "profile": line.profile,
        "settings": line.variant,
        "weights": line.weights,
        "published": line.published,
        "trivial": line.trivial,
        "normalised": line.normalised,
        "mean_rank": line.rank,
        "cells": [{**as_json(cell.row), "best": cell.best, "odd": cell.odd} for cell in line.cells.values()],
    }
