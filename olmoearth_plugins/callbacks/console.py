"""What a person sees of a run: a progress bar on a terminal, one line per flush anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

from olmoearth_core.evaluate.names import MAIN
from olmoearth_core.hooks import hookimpl
from olmoearth_core.interfaces.callback import Callback, Observer

if TYPE_CHECKING:
    from olmoearth_core.train.trainer import Trainer

SPEED = "throughput/tokens_per_second"


def console() -> Callback:
    """Show loss, tokens/s, samples/s, the share of time spent waiting for data, and the time left; on rank 0 only."""
    return _Console(sys.stderr)


class _Console(Observer):
    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.bar: Any = None
        self.task: Any = None

    @hookimpl
    def run_started(self, run: Trainer) -> None:
        """Say what begins."""
        if run.rank != 0:
            return
        begin = f"resumes after step {run.step}" if run.step else "begins"
        self._say(f"{run.run_dir} {begin}: {run.max_steps} steps on {run.world_size} x {run.device.type}")
        if self.stream.isatty():
            self._open_bar(run)

    @hookimpl
    def step_ended(self, run: Trainer, step: int, metrics: Mapping[str, float]) -> None:
        """Show the newest numbers of a flush."""
        if run.rank != 0 or SPEED not in metrics:
            return
        if self.bar is not None:
            self.bar.update(self.task, completed=step, total=run.max_steps, facts=facts(metrics))
        else:
            self._say(f"step {step}/{run.max_steps}  {facts(metrics)}")

    @hookimpl
    def evaluated(self, run: Trainer, step: int, name: str, metrics: Mapping[str, float]) -> None:
        """Show the primary score of a task with its interval; the others go to the files."""
        if run.rank == 0:
            scores = "  ".join(f"{k} {v:.4f}" for k, v in metrics.items() if k.startswith(MAIN))
            self._say(f"step {step}  {scores}")

    @hookimpl
    def checkpoint_saved(self, run: Trainer, path: str) -> None:
        """Say where the checkpoint is."""
        if run.rank == 0:
            self._say(f"step {run.step}  saved {path}")

    @hookimpl
    def run_ended(self, run: Trainer, outcome: str) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def _open_bar(self, run: Trainer) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        screen = Console(file=self.stream)
        # The facts fill a terminal of 80 columns; there the bar would hide them.
        bar = [BarColumn()] if screen.width >= 120 else []
        facts_column = TextColumn("{task.completed}/{task.total}  {task.fields[facts]}")
        self.bar = Progress(*bar, facts_column, console=screen)
        self.task = self.bar.add_task("training", total=run.max_steps, completed=run.step, facts="")
        self.bar.start()

    def _say(self, text: str) -> None:
        if self.bar is not None:
            self.bar.console.print(text, highlight=False)
        else:
            print(text, file=self.stream, flush=True)


def facts(metrics: Mapping[str, float]) -> str:
    """Return what matters of the metrics of a flush, in one line of fixed order."""
    parts = [f"loss {metrics['train/loss']:.4f}"] if "train/loss" in metrics else []
    parts.append(f"{_short(metrics[SPEED])} tokens/s")
    parts.append(f"{metrics['throughput/samples_per_second']:.1f} samples/s")
    parts.append(f"wait {100 * metrics['throughput/data_wait_share']:.0f} %")
    parts.append(f"{duration(metrics['throughput/seconds_left'])} left")
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """Return a time as people say it: 42 s, 3 min 05 s, 2 h 07 min, 3 d 04 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600:02d} h"


def _short(number: float) -> str:
    if number < 10_000:
        return f"{number:.0f}"
    return f"{number / 1e3:.1f} k" if number < 1e6 else f"{number / 1e6:.2f} M"
