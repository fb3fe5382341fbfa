"""What `olmoearth evaluate` does: something that can be scored and a list of tasks become rows and files.

Tasks come from the files given, else from the checkpoint's own config, else from configs/evaluate.cfg. All subjects
(the trained encoder and the baselines) see the same samples, splits, seeds and resamples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch

from olmoearth_core.errors import ConfigError
from olmoearth_core.evaluate import profile, subjects
from olmoearth_core.evaluate.contender import Contender, contender
from olmoearth_core.evaluate.results import Row
from olmoearth_core.evaluate.run import OpenTask, Options, open_task, score_task
from olmoearth_core.features.store import Store
from olmoearth_core.interfaces.evaluation import Context, Task
from olmoearth_core.train.distributed import World

if TYPE_CHECKING:
    from olmoearth_core.config.resolved import Config
    from olmoearth_core.config.schema import Parts

SECTION = "downstream_evaluator"
TASKS = f"trainer.callbacks.{SECTION}.tasks"
DEFAULT_TASKS = "configs/evaluate.cfg"


@runtime_checkable
class HasTasks(Protocol):
    """A callback that scores tasks, and so says which there are."""

    tasks: Mapping[str, Task]


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call of `olmoearth evaluate`.

    checkpoint: anything `load_model` opens, or the name of a @wrappers component. configs: files that declare tasks;
    none = the checkpoint's own. overrides: `--section.key=value`. tasks: names to run; None = all. profile: None = the
    config's. with_baselines: also score the untrained encoder, pixel statistics and the majority class.
    cache: folder where features are kept; None = nowhere. test: also the test split.
    """

    checkpoint: str
    configs: Sequence[str] = ()
    overrides: Sequence[str] = ()
    tasks: Sequence[str] | None = None
    profile: str | None = None
    with_baselines: bool = False
    device: str | None = None
    cache: str | None = None
    test: bool = True


class Evaluation:
    """Something opened with its tasks; iterate over `results()` to do the work task by task."""

    def __init__(self, request: Request, world: World | None = None) -> None:
        """Open the checkpoint and check the tasks; reads no data yet.

        Raises:
            CheckpointError, ConfigError: the checkpoint or the tasks are not usable.
        """
        from olmoearth_core.config.build import build

        self.request = request
        self.contender: Contender = contender(request.checkpoint, request.device)
        self.config = with_tasks(self.contender.config, request)
        self.parts: Parts = build(self.config)
        self.tasks = _tasks_of(self.parts, request)
        self.profile = self._profile()
        self.options = Options(
            test=request.test,
            store=Store(Path(request.cache).expanduser() if request.cache else None),
            world=world or World(torch.device(request.device or "cpu")),
            majority=request.with_baselines,
        )
        self.subjects = [*self.contender.subjects(), *self._baselines()]

    def open(self, name: str) -> OpenTask:
        """List the data of a task.

        Raises:
            DataError: it is not there.
        """
        context = Context(self.parts.dataset, self.profile)
        return open_task(name, self.tasks[name], self.contender.specs, context)

    def results(self) -> Iterator[tuple[OpenTask, list[Row]]]:
        """Yield each task with its rows, in the order of the config."""
        for name in self.tasks:
            yield self.score(name)

    def score(self, name: str) -> tuple[OpenTask, list[Row]]:
        """Score all subjects on one task."""
        open_ = self.open(name)
        return open_, score_task(open_, self.subjects, self.contender.reading, self.options, self.settings(name))

    def settings(self, name: str) -> Mapping[str, Any]:
        """Return the resolved block of a task, as its rows carry it."""
        block: Mapping[str, Any] = self.config.at(f"{TASKS}.{name}")
        return block

    def header(self) -> dict[str, Any]:
        """Return what makes this evaluation this evaluation."""
        from importlib.metadata import version

        return {
            **self.contender.facts,
            "profile": self.profile,
            "config": self.config.digest(),
            "tasks": list(self.tasks),
            "overrides": list(self.request.overrides),
            "baselines": self.request.with_baselines,
            "test": self.request.test,
            "versions": {package: version(package) for package in ("olmoearth", "torch", "numpy")},
        }

    def _baselines(self) -> list[subjects.Subject]:
        if not self.request.with_baselines:
            return []
        return [*self.contender.untrained(self.parts), subjects.pixels()]

    def _profile(self) -> str:
        stage = self.parts.trainer.callbacks.get(SECTION)
        return profile.checked(self.request.profile or str(getattr(stage, "profile", profile.DEFAULT)))


def with_tasks(config: Config, request: Request) -> Config:
    """Return the checkpoint's config with the tasks to run and the overrides, and no other callback."""
    from olmoearth_core.config.load import load

    own = dict(config.tree.get("trainer", {}).get("callbacks", {}).get(SECTION, {}))
    files = list(request.configs) or ([] if own.get("tasks") else [DEFAULT_TASKS])
    if files:
        asked = load(files, partial=True).tree.get("trainer", {}).get("callbacks", {}).get(SECTION)
        if not asked or not asked.get("tasks"):
            raise ConfigError(f"{', '.join(files)}: no [trainer.callbacks.{SECTION}.tasks.<name>] to evaluate.")
        own = dict(asked)
    own["enabled"] = True
    if request.tasks is not None:
        own["tasks_to_run"] = list(request.tasks)
    tree: dict[str, Any] = {**config.tree, "trainer": {**config.tree["trainer"], "callbacks": {SECTION: own}}}
    return load([], request.overrides, layers=[tree])


def _tasks_of(parts: Parts, request: Request) -> Mapping[str, Task]:
    stage = parts.trainer.callbacks.get(SECTION)
    tasks: Mapping[str, Task] = stage.tasks if isinstance(stage, HasTasks) else {}
    missing = [name for name in request.tasks or () if name not in tasks]
    if missing or not tasks:
        there = ", ".join(tasks) or "none"
        raise ConfigError(
            f"{request.checkpoint}: the tasks {', '.join(missing) or 'to evaluate'} are not declared; there are: "
            f"{there}. Name others with --tasks, or give a file that declares them with --config."
        )
    return tasks
