"""What scores are called in logs: the reference's names, so that dashboards of both can be laid side by side.

`eval/<task>` is the primary metric on the validation split, or on blocks where there is none; `eval/test/<task>` on the
test split; `eval_other/...` all other metrics by their names.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from olmoearth_core.evaluate.results import Row

MAIN = "eval/"


def logged(task: str, rows: Sequence[Row]) -> dict[str, float]:
    """Return the scores of one subject by their names in logs, primary ones first; what is no number is left out."""
    found: dict[str, float] = {}
    for row in sorted(rows, key=lambda row: (not row.primary, row.split == "test")):
        name = score_name(task, row.metric, primary=row.primary, test=row.split == "test")
        found[name] = row.value
        if row.primary:
            prefix = f"{name}_{row.interval}" if row.interval == "bootstrap" else name
            found |= {f"{prefix}_ci_lower": row.low, f"{prefix}_ci_upper": row.high}
    return {name: value for name, value in found.items() if math.isfinite(value)}


def score_name(task: str, metric: str, *, primary: bool, test: bool) -> str:
    """Return eval/<task>, eval/test/<task>, eval_other/<task>/<metric> or eval_other/test/<task>/<metric>."""
    where = f"{'test/' if test else ''}{task}"
    return f"{MAIN}{where}" if primary else f"eval_other/{where}/{metric}"
