"""Result rows and how they are shown.

A row says everything needed to trust or repeat a number: profile, split, seeds, interval, settings, sizes, hashes of
data and weights, how much of the input was missing, and what looks wrong about it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from olmoearth_core.errors import DataError

HEAD = ("task", "subject", "metric", "score", "95 % interval", "split", "n", "profile", "remarks")


@dataclass(frozen=True)
class Row:
    """One score of one subject on one task.

    value, low, high, interval, seeds, split, details: as in `Score`. counts: samples per split. absent: share of input
    values that were missing. dataset, weights: content hashes. settings: how features and scores were made.
    selected: how these settings were chosen, "" where nobody chose. flags: what makes the number suspect.
    A row whose subject is "a - b" is a comparison of the same samples. version: of the code that scored.
    """

    task: str
    subject: str
    metric: str
    value: float
    low: float = math.nan
    high: float = math.nan
    interval: str = ""
    seeds: tuple[float, ...] = ()
    split: str = "test"
    primary: bool = False
    benchmark: str = ""
    evaluator: str = ""
    profile: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    absent: float = 0.0
    dataset: str = ""
    weights: str = ""
    source: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    selected: str = ""
    flags: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def compares(self) -> bool:
        """Whether this is a difference of two subjects."""
        return " - " in self.subject


def as_json(row: Row) -> dict[str, Any]:
    """Return a row of JSON values; NaN becomes null."""
    plain: dict[str, Any] = _plain(asdict(row))
    return plain


def from_json(body: Mapping[str, Any], where: str) -> Row:
    """Return the row that `as_json` wrote.

    Raises:
        DataError: it is no row; `where` says of which file.
    """
    known = {f.name for f in fields(Row)}
    try:
        values = {key: value for key, value in body.items() if key in known}
        for key in ("value", "low", "high"):
            found = values.get(key)
            values[key] = math.nan if found is None else float(found)
        values["seeds"] = tuple(math.nan if v is None else float(v) for v in values.get("seeds", ()))
        values["flags"] = tuple(map(str, values.get("flags", ())))
        return Row(**values)
    except (TypeError, ValueError, AttributeError) as cause:
        raise DataError(f"{where}: found a row that cannot be read ({cause}), expected one of `evaluate`.") from cause


def table(rows: Sequence[Row], *, all_metrics: bool = False) -> str:
    """Return the rows as aligned text, the primary metric only unless asked for all."""
    cells = [HEAD, *(_cells(row) for row in _shown(rows, all_metrics))]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEAD))]
    return "\n".join("  ".join(_aligned(i, c, w) for i, (c, w) in enumerate(zip(line, widths, strict=True))).rstrip()
                     for line in cells)  # fmt: skip


def markdown(rows: Sequence[Row], *, all_metrics: bool = False) -> str:
    """Return the rows as a Markdown table."""
    lines = [HEAD, tuple("---:" if i in (3, 6) else "---" for i in range(len(HEAD)))]
    lines += [tuple(cell.replace("|", "\\|") for cell in _cells(row)) for row in _shown(rows, all_metrics)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _shown(rows: Sequence[Row], all_metrics: bool) -> list[Row]:
    """Keep primary metrics of the split that counts: test, or whatever else there is."""
    tested = {row.task for row in rows if row.split == "test"}
    final = [row for row in rows if all_metrics or row.split == "test" or row.task not in tested]
    return [row for row in final if row.primary or all_metrics]


def _cells(row: Row) -> tuple[str, ...]:
    sign = "+" if row.compares else ""
    interval = "" if math.isnan(row.low) else f"{row.low:{sign}.4f} ... {row.high:{sign}.4f}"
    count = row.counts.get(row.split)
    score = "" if math.isnan(row.value) else f"{row.value:{sign}.4f}"
    remarks = "; ".join([*row.flags, *([row.selected] if row.selected else [])])
    return (row.task, row.subject, row.metric, score, interval, row.split,
            "" if count is None else str(count), row.profile, remarks)  # fmt: skip


def _aligned(column: int, cell: str, width: int) -> str:
    return cell.rjust(width) if column in (3, 4, 6) else cell.ljust(width)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(v) for key, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value
