"""Scores during training: every task at its own interval, and once more when the run has finished.

Rank 0 embeds and scores; the others wait for one text from it, which carries the scores or the error, so that all
ranks go on, or stop, together. Nothing that training draws from is touched: module modes and random states are put
back, so the loss curve is the same with and without this stage.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from olmoearth_core.errors import OlmoEarthError, TrainingError
from olmoearth_core.evaluate.embed import Reading, encode_with
from olmoearth_core.evaluate.run import Subject, open_task, score_task
from olmoearth_core.interfaces.callback import Stage
from olmoearth_core.interfaces.evaluation import Benchmark, Task
from olmoearth_core.interfaces.settings import checked_by
from olmoearth_plugins.callbacks.task_names import check_task_names

if TYPE_CHECKING:
    from olmoearth_core.evaluate.results import Row
    from olmoearth_core.train.trainer import Trainer

log = logging.getLogger(__name__)


@checked_by(check_task_names)
def downstream_evaluator(
    *, tasks: Mapping[str, Task], tasks_to_run: list[str] | None = None, eval_on_startup: bool = False
) -> Stage:
    """Score the encoder on tasks while it is trained.

    tasks: by name, [trainer.callbacks.downstream_evaluator.tasks.<name>]. tasks_to_run: names to keep; null = all;
    names that nothing installed provides are reported once. eval_on_startup: also score before the first step.
    """
    return _DownstreamEvaluator(tasks, tasks_to_run, eval_on_startup)


class _DownstreamEvaluator:
    def __init__(self, tasks: Mapping[str, Task], tasks_to_run: Sequence[str] | None, eval_on_startup: bool) -> None:
        wanted = list(tasks) if tasks_to_run is None else list(tasks_to_run)
        self.tasks = {name: task for name, task in tasks.items() if name in wanted}
        self.missing = [name for name in wanted if name not in tasks]
        self.eval_on_startup = eval_on_startup
        self.last: dict[str, int] = {}

    def started(self, trainer: Trainer) -> None:
        """Say which tasks cannot run; score once if asked to."""
        if self.missing and trainer.rank == 0:
            log.warning(
                "downstream_evaluator: nothing installed provides the tasks %s; they are left out. "
                "Install the package that has them (olmoearth-benchmarks, or a newer one), or name others in "
                "tasks_to_run.", ", ".join(self.missing),
            )  # fmt: skip
        if self.eval_on_startup and trainer.step == 0:
            self._evaluate(trainer, list(self.tasks))

    def step_ended(self, trainer: Trainer, step: int) -> None:
        """Score the tasks that are due at this step."""
        due = [name for name, task in self.tasks.items() if task.eval_interval > 0 and step % task.eval_interval == 0]
        self._evaluate(trainer, due)

    def ended(self, trainer: Trainer, outcome: str) -> None:
        """Score every task that was not scored at the last step; a run that was cut short is left alone."""
        if outcome == "finished":
            self._evaluate(trainer, [name for name in self.tasks if self.last.get(name) != trainer.step])

    def state_dict(self) -> Mapping[str, Any]:
        """Nothing to keep: what is due follows from the step."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to take back."""

    def _evaluate(self, trainer: Trainer, names: Sequence[str]) -> None:
        for name in names:
            text = _scored(trainer, name, self.tasks[name]) if trainer.rank == 0 else ""
            outcome = json.loads(trainer.world.share_text(text))
            if "error" in outcome:
                raise TrainingError(f"downstream_evaluator, task {name}, step {trainer.step}: {outcome['error']}")
            self.last[name] = trainer.step
            trainer.evaluated(name, outcome["metrics"])


def _scored(trainer: Trainer, name: str, task: Task) -> str:
    """Return the metrics, or the error, as JSON; raising here would leave the other ranks waiting."""
    try:
        with _untouched_randomness():
            rows = _score(trainer, name, task)
    except (OlmoEarthError, OSError, RuntimeError, ValueError) as error:
        log.debug("task %s failed", name, exc_info=True)
        return json.dumps({"error": f"{error}"})
    return json.dumps({"metrics": _metrics(rows)})


def _score(trainer: Trainer, name: str, task: Task) -> list[Row]:
    subject = Subject("trained", lambda reading: encode_with(trainer.model, reading))
    data = open_task(name, task, trainer.specs, {"dataset": trainer.dataset})

    def reading(benchmark: Benchmark) -> Reading:
        return Reading(
            trainer.specs, trainer.tokenization, benchmark.patch_size,
            grid=benchmark.task_type == "segmentation", band_gap=trainer.band_gap,
        )  # fmt: skip

    return score_task(name, task, data, [subject], reading)


def _metrics(rows: Sequence[Row]) -> dict[str, float]:
    """Return every metric by name, the primary one first, followed by its interval."""
    metrics = {}
    for row in sorted(rows, key=lambda row: not row.primary):
        metrics[row.metric] = row.value
        if row.primary:
            metrics |= {f"{row.metric}_low": row.low, f"{row.metric}_high": row.high}
    return metrics


@contextmanager
def _untouched_randomness() -> Iterator[None]:
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        yield
