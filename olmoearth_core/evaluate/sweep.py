"""Settings tried out on the validation split; only the best of them is scored on the test split.

The subjects are swept one by one, so a baseline gets the settings that are best for it, too. Features are kept, so
settings that only the evaluator sees cost no forward pass.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from olmoearth_core.config.overrides import literal
from olmoearth_core.errors import ConfigError
from olmoearth_core.evaluate.run import OpenTask, open_task, rows_of, score_subject
from olmoearth_core.evaluate.trained import TASKS, Evaluation, Request
from olmoearth_core.evaluate.tuning import NothingToTrain
from olmoearth_core.interfaces.evaluation import Context, Task
from olmoearth_core.scores import metrics

if TYPE_CHECKING:
    from olmoearth_core.evaluate.results import Row
    from olmoearth_core.evaluate.subjects import Subject
    from olmoearth_core.interfaces.engine import Engine

Changes = tuple[tuple[str, Any], ...]
"""Keys of a task's block, such as "pooling" or "evaluator.lr", and the values to give them."""


@dataclass(frozen=True)
class Trial:
    """One piece of work: settings of a task, tried with one subject."""

    task: str
    subject: int
    changes: Changes


@dataclass(frozen=True)
class Sweep:
    """What to try. axes: key -> values. engine: where; None = in this process, one after the other."""

    axes: Mapping[str, Sequence[Any]]
    engine: Engine | None = None

    def check(self, evaluation: Evaluation) -> None:
        """See that every key is a setting of some task.

        Raises:
            ConfigError: one is not.
        """
        known = [self._grid(evaluation, name) for name in evaluation.tasks]
        for key in self.axes:
            if not any(key in dict(changes) for grid in known for changes in grid):
                raise ConfigError(
                    f"--sweep {key}: none of the tasks {', '.join(evaluation.tasks)} has such a setting. Name one as "
                    f"in the config, for example pooling or evaluator.lr."
                )

    def score(self, evaluation: Evaluation, name: str) -> tuple[OpenTask, list[Row]]:
        """Choose settings for every subject of a task and score them.

        Raises:
            ConfigError: the task has no validation split.
        """
        grid = self._grid(evaluation, name)
        trials = [Trial(name, i, changes) for i in range(len(evaluation.subjects)) for changes in grid]
        values = self._values(evaluation, trials)
        scored, open_ = [], evaluation.open(name)
        for i, subject in enumerate(evaluation.subjects):
            found = {trial.changes: values[trial] for trial in trials if trial.subject == i}
            best = _best(found, open_.primary)
            if best is None:
                continue
            one, settings = _task_with(evaluation, name, best)
            chosen = open_task(name, one, evaluation.contender.specs, _context(evaluation))
            done = score_subject(chosen, subject, evaluation.contender.reading, evaluation.options)
            scored.append(replace(done, settings=settings, selected=_said(best, len(found))))
        return open_, rows_of(open_, scored, evaluation.options)

    def _grid(self, evaluation: Evaluation, name: str) -> list[Changes]:
        """Return all combinations of those settings that a task has."""
        block = evaluation.settings(name)
        here = {key: values for key, values in self.axes.items() if _has(block, key.split("."))}
        return [tuple(zip(here, values, strict=True)) for values in itertools.product(*here.values())]

    def _values(self, evaluation: Evaluation, trials: Sequence[Trial]) -> dict[Trial, float]:
        world = evaluation.options.world
        if self.engine is None:
            pairs = [_valued(evaluation, trial) for trial in trials]
            # Every rank must go on with the same choice, and rank 0 alone has scores.
            return dict(zip(trials, json.loads(world.share_text(json.dumps([v for _, v in pairs]))), strict=True))
        if world.size > 1:
            raise ConfigError("--engine cannot be used under torchrun: the processes are taken. Leave one of the two.")
        return dict(self.engine.run(partial(_remote, evaluation.request), trials))


def axis(text: str) -> tuple[str, list[Any]]:
    """Return key and values of "evaluator.lr=0.1,0.01".

    Raises:
        ConfigError: it does not read like that.
    """
    key, sign, values = text.partition("=")
    found = [part.strip() for part in values.split(",") if part.strip()]
    if not sign or not key.strip() or not found:
        raise ConfigError(f'--sweep: found "{text}", expected key=value,value, for example evaluator.lr=0.1,0.01.')
    return key.strip(), [literal(part) for part in found]


def _has(block: Any, path: Sequence[str]) -> bool:
    for part in path:
        if not isinstance(block, Mapping) or part not in block:
            return False
        block = block[part]
    return True


def _valued(evaluation: Evaluation, trial: Trial) -> tuple[Trial, float]:
    """Return the primary value on the validation split; NaN where the subject cannot be scored."""
    subject: Subject = evaluation.subjects[trial.subject]
    task, _ = _task_with(evaluation, trial.task, trial.changes)
    open_ = open_task(trial.task, task, evaluation.contender.specs, _context(evaluation))
    if "valid" not in open_.chunks:
        raise ConfigError(
            f"--sweep: the task {trial.task} has no validation split to choose on, only {', '.join(open_.chunks)}."
        )
    options = replace(evaluation.options, test=False, majority=False)
    try:
        done = score_subject(open_, subject, evaluation.contender.reading, options)
    except NothingToTrain:
        return trial, math.nan
    values = [score.value for score in done.scores if score.metric == open_.primary and score.split == "valid"]
    return trial, values[0] if values else math.nan


def _remote(request: Request, trial: Trial) -> tuple[Trial, float]:
    return _valued(_opened(_Asked(request)), trial)


@dataclass(frozen=True, eq=False)
class _Asked:
    """A request as the key of a cache: a worker opens each checkpoint once."""

    request: Request

    def __hash__(self) -> int:
        return hash(repr(self.request))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and repr(other.request) == repr(self.request)


@lru_cache(maxsize=1)
def _opened(asked: _Asked) -> Evaluation:
    return Evaluation(asked.request)


def _best(found: Mapping[Changes, float], primary: str) -> Changes | None:
    """Return the first of the best settings; None where none gave a number."""
    best: Changes | None = None
    for changes, value in found.items():
        if not math.isnan(value) and (best is None or metrics.better(primary, value, found[best])):
            best = changes
    return best


def _task_with(evaluation: Evaluation, name: str, changes: Changes) -> tuple[Task, Mapping[str, Any]]:
    """Return a task with some settings changed, and its whole block."""
    from olmoearth_core.config.build import build_at
    from olmoearth_core.config.load import load

    options = [f"--{TASKS}.{name}.{key}={json.dumps(value)}" for key, value in changes]
    config = load([], options, layers=[evaluation.config.tree])
    task: Task = build_at(config, f"{TASKS}.{name}")
    return task, config.at(f"{TASKS}.{name}")


def _context(evaluation: Evaluation) -> Context:
    return Context(evaluation.parts.dataset, evaluation.profile)


def _said(best: Changes, count: int) -> str:
    what = ", ".join(f"{key}={value}" for key, value in best)
    return f"best of {count} on valid: {what}" if best else ""
