"""Evaluations of a run as jobs of their own: each starts when its checkpoint is complete, and training goes on.

A job is a command: `olmoearth evaluate` on this machine, or one that hands it to a scheduler. It writes below
RUN/evaluations/jobs/<checkpoint>. Once it has finished, the observers of the run hear its scores under the step of the
checkpoint, also if the run has been resumed since. The run never waits for a job, and no job can harm it.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from olmoearth_core.errors import DataError
from olmoearth_core.hooks import hookimpl
from olmoearth_core.interfaces.callback import Callback, Observer
from olmoearth_core.interfaces.settings import Remark, checked_by

if TYPE_CHECKING:
    from olmoearth_core.train.trainer import Trainer

log = logging.getLogger(__name__)
JOBS, LOG, TOLD = "evaluations/jobs", "log.txt", "told"
HERE = (sys.executable, "-m", "olmoearth_core.cli.main", "evaluate", "{checkpoint}", "--no-test", "--no-baselines",
        "--out", "{out}")  # fmt: skip
TRAINED = "trained"
WORDS = ("checkpoint", "out", "step", "run")
_WORD = re.compile(r"\{([^{}]*)\}")
_OF_THE_RUN = re.compile(r"(LOCAL_|GROUP_|ROLE_)?(RANK|WORLD_SIZE|NAME)|MASTER_(ADDR|PORT)|TORCHELASTIC_.*")
"""Variables by which torchrun says who is who; a job that had them would wait for the ranks of the run."""
_LEFT: list[subprocess.Popen[bytes]] = []
"""Jobs that outlive their run. Python would warn of them if nothing referred to them."""


def _check(settings: Mapping[str, Any]) -> Iterator[Remark]:
    for key in ("interval", "poll_seconds"):
        if settings[key] <= 0:
            yield Remark(key, f"must be above 0, found {settings[key]}")
    if settings["command"] is None:
        return
    used = [word for text in settings["command"] for word in _WORD.findall(text)]
    for word in used:
        if word not in WORDS:
            yield Remark("command", f"{{{word}}} stands for nothing; there are {{{'}, {'.join(WORDS)}}}")
    if "checkpoint" not in used:
        yield Remark("command", "must name the checkpoint: write {checkpoint} where its folder belongs")


@checked_by(_check)
def evaluation_job(*, interval: int, command: list[str] | None = None, poll_seconds: float = 30.0) -> Callback:
    """Start an evaluation of a checkpoint as a job of its own, as soon as the checkpoint is written.

    interval: steps; the first checkpoint after each so many is evaluated, and the last one of the run. command: the
    words of a command, no shell; {checkpoint}, {out}, {step} and {run} are filled in. null = `olmoearth evaluate` on
    this machine, valid split alone, with the tasks of the run's config. poll_seconds: how often to look for results.
    """
    return _EvaluationJob(interval, tuple(command or HERE), poll_seconds, os.environ)


class _EvaluationJob(Observer):
    def __init__(
        self, interval: int, command: Sequence[str], poll_seconds: float, environment: Mapping[str, str]
    ) -> None:
        self.interval, self.command, self.poll_seconds = interval, command, poll_seconds
        self.environment = {key: value for key, value in environment.items() if not _OF_THE_RUN.fullmatch(key)}
        self.running: dict[Path, subprocess.Popen[bytes]] = {}
        self.looked, self.saved = float("-inf"), ""

    @hookimpl
    def run_started(self, run: Trainer) -> None:
        """Warn where checkpoints may be gone before their job has read them."""
        if run.rank == 0 and run.settings.keep_checkpoints is not None:
            log.warning(
                "evaluation_job: [trainer] keep_checkpoints = %d may remove a checkpoint that a job still waits for; "
                "such a job fails.", run.settings.keep_checkpoints,
            )  # fmt: skip

    @hookimpl
    def checkpoint_saved(self, run: Trainer, path: str) -> None:
        """Start the job of this checkpoint if one is due; checkpoints that do not stay are left alone."""
        self.saved = path
        stays = run.step % run.settings.save_interval == 0
        if stays and run.step // self.interval > self._last(run) // self.interval:
            self._start(run)

    @hookimpl
    def step_ended(self, run: Trainer) -> None:
        """Look for results now and then."""
        if run.rank == 0 and run.clock() - self.looked >= self.poll_seconds:
            self.looked = run.clock()
            self._tell(run)

    @hookimpl
    def run_ended(self, run: Trainer, outcome: str) -> None:
        """Start the job of the last checkpoint; tell what has finished by now. Jobs go on without the run."""
        if run.rank != 0:
            return
        if outcome == "finished" and self.saved and run.step > self._last(run):
            self._start(run)
        self._tell(run)
        _LEFT.extend(self.running.values())

    def _last(self, run: Trainer) -> int:
        steps = [_step(folder) for folder in (run.run_dir / JOBS).glob("step*")]
        return max((step for step in steps if step <= run.step), default=0)

    def _start(self, run: Trainer) -> None:
        folder = run.run_dir / JOBS / Path(self.saved).name
        folder.mkdir(parents=True, exist_ok=True)
        words = {"checkpoint": self.saved, "out": str(folder), "step": str(run.step), "run": str(run.run_dir)}
        command = [_WORD.sub(lambda found: words[found[1]], text) for text in self.command]
        try:
            with (folder / LOG).open("ab") as output:
                self.running[folder] = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=self.environment,
                    start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            log.warning("evaluation_job: %s could not be started (%s); the run goes on without it.", command[0], error)

    def _tell(self, run: Trainer) -> None:
        for folder in sorted((run.run_dir / JOBS).glob("step*")):
            if self._failed(folder):
                log.warning("evaluation_job: the job of %s failed; %s says why.", folder.name, folder / LOG)
            if not (folder / TOLD).exists() and (scores := _scores(folder)) is not None:
                for task, metrics in scores.items():
                    run.evaluated(task, metrics, step=_step(folder))
                (folder / TOLD).touch()

    def _failed(self, folder: Path) -> bool:
        job = self.running.get(folder)
        code = None if job is None else job.poll()
        if code is not None:
            del self.running[folder]
        return bool(code)


def _step(folder: Path) -> int:
    digits = folder.name.removeprefix("step")
    return int(digits) if digits.isdigit() else 0


def _scores(folder: Path) -> dict[str, dict[str, float]] | None:
    """Return what the evaluations below a folder found of the checkpoint, by task; None until one has finished."""
    from olmoearth_core.evaluate.names import logged
    from olmoearth_core.evaluate.session import finished_below, rows_of

    done = finished_below(folder)
    try:
        tasks = {task: rows for evaluation in done for task, rows in rows_of(evaluation).items()}
    except DataError as error:
        log.warning("evaluation_job: %s", error)
        return {}
    own = {task: [row for row in rows if row.subject == TRAINED] for task, rows in tasks.items()}
    return {task: logged(task, rows) for task, rows in own.items() if rows} if done else None
