"""`metrics.jsonl`: every step of a run, one JSON object per line, safe to read at any time.

Lines are appended in one write each, so a killed run leaves at most one torn line; a resumed run first drops the
lines behind its checkpoint, so the file reads as if nothing had happened.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from olmoearth_core.hooks import hookimpl
from olmoearth_core.interfaces.callback import Callback, Observer

if TYPE_CHECKING:
    from olmoearth_core.train.trainer import Trainer


def jsonl(*, filename: str = "metrics.jsonl") -> Callback:
    """Keep the metrics of every step in a file of the run folder.

    Args:
        filename: name within the run folder.
    """
    return _Jsonl(filename)


class _Jsonl(Observer):
    def __init__(self, filename: str) -> None:
        self.filename = filename

    @hookimpl
    def run_started(self, run: Trainer) -> None:
        """Drop what a killed run wrote behind the checkpoint from which this one goes on."""
        if run.rank == 0:
            forget_after(run.run_dir / self.filename, run.step)

    @hookimpl
    def step_ended(self, run: Trainer, step: int, metrics: Mapping[str, float]) -> None:
        """Append the metrics of one step."""
        if run.rank == 0 and metrics:
            append(run.run_dir / self.filename, {"step": step, **metrics})

    @hookimpl
    def evaluated(self, run: Trainer, step: int, name: str, metrics: Mapping[str, float]) -> None:
        """Append the scores of one task."""
        if run.rank == 0:
            append(run.run_dir / self.filename, {"step": step, **metrics})


def append(path: Path, row: Mapping[str, Any]) -> None:
    """Add one line in a single write; what is not a finite number becomes null."""
    plain = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    line = (json.dumps(plain, allow_nan=False) + "\n").encode()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(handle, line)
    finally:
        os.close(handle)


def forget_after(path: Path, step: int) -> None:
    """Keep the whole lines up to and including a step; the file is replaced only if something goes."""
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = list(_up_to(lines, step))
    if kept != lines:
        beside = path.with_name(f".{path.name}.tmp")
        beside.write_text("".join(kept), encoding="utf-8")
        beside.replace(path)


def _up_to(lines: Iterable[str], step: int) -> Iterable[str]:
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue  # torn by a kill
        if line.endswith("\n") and row.get("step", 0) <= step:
            yield line
