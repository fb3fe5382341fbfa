"""Scores during training: every task at its own interval, and once more when the run has finished.

All ranks encode, rank 0 scores, and one text from it carries the scores or the error, so that all ranks go on, or stop,
together. Nothing that training draws from is touched: module modes and random states are put back, so the loss curve
is the same with and without this stage. The test split is left alone unless `run_on_test` is set.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from olmoearth_core.errors import OlmoEarthError, TrainingError
from olmoearth_core.evaluate import profile as profiles
from olmoearth_core.evaluate.contender import reading_of
from olmoearth_core.evaluate.names import logged
from olmoearth_core.evaluate.run import Options, open_task, score_task
from olmoearth_core.evaluate.subjects import of_model
from olmoearth_core.interfaces.callback import Stage
from olmoearth_core.interfaces.evaluation import Context, Task
from olmoearth_core.interfaces.settings import checked_by
from olmoearth_plugins.callbacks.task_names import check_task_names

if TYPE_CHECKING:
    from olmoearth_core.evaluate.results import Row
    from olmoearth_core.evaluate.run import OpenTask
    from olmoearth_core.evaluate.subjects import Subject
    from olmoearth_core.features.embed import Reading
    from olmoearth_core.train.distributed import World
    from olmoearth_core.train.state import Progress
    from olmoearth_core.train.trainer import Trainer

log = logging.getLogger(__name__)


@checked_by(check_task_names)
def downstream_evaluator(
    *,
    tasks: Mapping[str, Task],
    tasks_to_run: list[str] | None = None,
    eval_on_startup: bool = False,
    run_on_test: bool = False,
    profile: str = "default",
) -> Stage:
    """Score the encoder on tasks while it is trained.

    tasks: by name, [trainer.callbacks.downstream_evaluator.tasks.<name>]. tasks_to_run: names to keep; null = all;
    names that nothing installed provides are reported once. eval_on_startup: also score before the first step.
    run_on_test: score the test split too, not the validation split
    alone. profile: "default", or "reference-2026.07" for the reference's numbers, quirks included.
    """
    return _DownstreamEvaluator(tasks, tasks_to_run, eval_on_startup, run_on_test, profiles.checked(profile))


class _DownstreamEvaluator:
    def __init__(
        self,
        tasks: Mapping[str, Task],
        tasks_to_run: Sequence[str] | None,
        eval_on_startup: bool,
        run_on_test: bool,
        profile: str,
    ) -> None:
        wanted = list(tasks) if tasks_to_run is None else list(tasks_to_run)
        self.tasks = {name: task for name, task in tasks.items() if name in wanted}
        self.missing = [name for name in wanted if name not in tasks]
        self.eval_on_startup = eval_on_startup
        self.run_on_test, self.profile = run_on_test, profile
        self.last: dict[str, int] = {}
        self.world: World | None = None

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
        self._evaluate(trainer, [name for name, task in self.tasks.items() if _due(task, trainer.progress)])

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
            self.world = self.world or trainer.world.patient()
            metrics = json.loads(self.world.share_text(self._scored(trainer, name)))
            if "error" in metrics:
                raise TrainingError(f"downstream_evaluator, task {name}, step {trainer.step}: {metrics['error']}")
            self.last[name] = trainer.step
            trainer.evaluated(name, metrics["metrics"])

    def _scored(self, trainer: Trainer, name: str) -> str:
        """Return the metrics, or the error, as JSON; raising here would leave the other ranks waiting."""
        try:
            with _untouched_randomness():
                rows = self._score(trainer, name)
        except (OlmoEarthError, OSError, RuntimeError, ValueError) as error:
            log.debug("task %s failed", name, exc_info=True)
            return json.dumps({"error": f"{error}"})
        return json.dumps({"metrics": logged(name, rows)})

    def _score(self, trainer: Trainer, name: str) -> list[Row]:
        assert self.world is not None
        open_ = open_task(name, self.tasks[name], trainer.specs, Context(trainer.dataset, self.profile))
        subject = of_model("trained", trainer.model, key=f"step {trainer.step}")

        def reading(open_: OpenTask, subject: Subject) -> Reading:
            return reading_of(
                open_, trainer.specs, trainer.tokenization, band_gap=trainer.band_gap,
                fill=getattr(trainer.dataset, "fill", "zero"),
            )  # fmt: skip

        return score_task(open_, [subject], reading, Options(test=self.run_on_test, world=self.world))


def _due(task: Task, progress: Progress) -> bool:
    epoch_ended = progress.batch == 0
    return (task.eval_interval > 0 and progress.step % task.eval_interval == 0) or (
        task.eval_epochs > 0 and epoch_ended and (progress.epoch - 1) % task.eval_epochs == 0
    )


@contextmanager
def _untouched_randomness() -> Iterator[None]:
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        yield
