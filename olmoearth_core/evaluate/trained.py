"""What `olmoearth evaluate` does: a checkpoint and a list of tasks become rows and a file.

Tasks come from the files given, else from the checkpoint's own config, else from configs/evaluate.cfg. All subjects
(the trained encoder and, on request, the baselines) see the same samples, splits and seeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from olmoearth_core.errors import ConfigError
from olmoearth_core.evaluate import baselines
from olmoearth_core.evaluate.embed import Reading, encode_with
from olmoearth_core.evaluate.fingerprint import weights_hash
from olmoearth_core.evaluate.results import Row, write
from olmoearth_core.evaluate.run import Subject, open_task, score_task
from olmoearth_core.interfaces.evaluation import Benchmark, LabelledSample, Task

if TYPE_CHECKING:
    from olmoearth_core.config.resolved import Config
    from olmoearth_core.config.schema import Parts
    from olmoearth_core.train.opening import LoadedModel

SECTION = "downstream_evaluator"
DEFAULT_TASKS = "configs/evaluate.cfg"


@runtime_checkable
class HasTasks(Protocol):
    """A callback that scores tasks, and so says which there are."""

    tasks: Mapping[str, Task]


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call of `olmoearth evaluate`.

    configs: files that declare tasks; none = the checkpoint's own. overrides: `--section.key=value`. tasks: names to
    run; None = all. with_baselines: also score the untrained encoder and plain pixel statistics.
    """

    checkpoint: str
    configs: Sequence[str] = ()
    overrides: Sequence[str] = ()
    tasks: Sequence[str] | None = None
    with_baselines: bool = False
    device: str | None = None


class Evaluation:
    """An opened checkpoint with its tasks; iterate over `rows()` to do the work task by task."""

    def __init__(self, request: Request) -> None:
        """Open the checkpoint and check the tasks; reads no data yet.

        Raises:
            CheckpointError, ConfigError: the checkpoint or the tasks are not usable.
        """
        from olmoearth_core.config.build import build
        from olmoearth_core.train.opening import open_model

        self.request = request
        self.loaded: LoadedModel = open_model(request.checkpoint, device=request.device)
        self.config = with_tasks(self.loaded.config, request)
        self.parts: Parts = build(self.config)
        self.tasks = _tasks_of(self.parts, request)
        self.subjects = self._subjects()

    def rows(self) -> Iterator[tuple[str, list[LabelledSample], list[Row]]]:
        """Yield each task's name, samples and rows, in the order of the config."""
        for name, task in self.tasks.items():
            data = open_task(name, task, self.loaded.specs, {"dataset": self.parts.dataset})
            yield name, data, score_task(name, task, data, self.subjects, self.reading)

    def reading(self, benchmark: Benchmark) -> Reading:
        """How samples of a benchmark are handed to this model."""
        return Reading(
            self.loaded.specs, self.loaded.tokenization, benchmark.patch_size,
            grid=benchmark.task_type == "segmentation", band_gap=self.loaded.band_gap,
        )  # fmt: skip

    def save(self, rows: Sequence[Row], out: str | None, *, versions: Mapping[str, str]) -> Path:
        """Write the rows below `out`, or into `evaluations/` of the run; never over an older file."""
        folder = Path(out) if out else self.loaded.path.parent / "evaluations"
        stem, number = f"step{self.loaded.step:08d}", 1
        while (path := folder / f"{stem}-{number:03d}.json").exists():
            number += 1
        header = {
            "checkpoint": str(self.loaded.path),
            "step": self.loaded.step,
            "config": self.config.digest(),
            "overrides": list(self.request.overrides),
            "versions": dict(versions),
        }
        write(rows, path, header)
        return path

    def _subjects(self) -> list[Subject]:
        model = self.loaded.model
        found = [Subject("trained", lambda reading: encode_with(model, reading), weights_hash(model))]
        if self.request.with_baselines:
            fresh = baselines.untrained(self.parts.model, self.loaded.specs, seed=self.parts.run.seed)
            found.append(Subject("untrained", lambda reading: encode_with(fresh, reading), weights_hash(fresh)))
            found.append(Subject("pixels", baselines.pixels))
        return found


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
