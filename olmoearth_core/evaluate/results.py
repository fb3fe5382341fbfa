"""Result rows, their file and their table.

A row says everything needed to trust or repeat a number: profile, seeds, interval, hashes of data and weights,
and how much of the input was missing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4


@dataclass(frozen=True)
class Row:
    """One score of one subject on one task.

    low, high: 95 % interval over seeds; NaN for a single seed. absent: share of input values that were missing.
    dataset, weights: content hashes. A row whose subject is "a - b" is a comparison paired by seed.
    """

    task: str
    subject: str
    metric: str
    value: float
    low: float
    high: float
    seeds: tuple[float, ...]
    primary: bool
    benchmark: str
    evaluator: str
    profile: str
    samples: int
    absent: float
    dataset: str
    weights: str
    details: Mapping[str, Any] = field(default_factory=dict)


def write(rows: Sequence[Row], path: Path, header: Mapping[str, Any]) -> None:
    """Write rows as JSON under a temporary name, then rename; NaN becomes null."""
    body = {"format": 1, **header, "rows": [_plain(asdict(row)) for row in rows]}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{uuid4().hex[:8]}.part")
    part.write_text(json.dumps(_plain(body), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    part.replace(path)


def table(rows: Sequence[Row], *, all_metrics: bool = False) -> str:
    """Return the rows as aligned text, the primary metric only unless asked for all."""
    shown = [row for row in rows if row.primary or all_metrics]
    cells = [("task", "subject", "metric", "score", "95 % interval", "seeds")]
    for row in shown:
        sign = "+" if " - " in row.subject else ""
        interval = "" if math.isnan(row.low) else f"{row.low:{sign}.4f} ... {row.high:{sign}.4f}"
        cells.append((row.task, row.subject, row.metric, f"{row.value:{sign}.4f}", interval, str(len(row.seeds))))
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    return "\n".join(
        "  ".join(c.rjust(w) if i > 2 else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True)))
        for line in cells
    )


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _plain(v) for key, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value
