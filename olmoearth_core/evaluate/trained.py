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
from olmoearth_core.models.card import ModelCard, card_of
from olmoearth_core.train import checkpoint

if TYPE_CHECKING:
    from olmoearth_core.config.resolved import Config
    from olmoearth_core.config.schema import Parts

SECTION = "downstream_evaluator"
DEFAULT_TASKS = "configs/evaluate.cfg"
DEFAULT_RUN = "configs/base.cfg"
"""What surrounds the tasks of a model that no run of ours has trained."""


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
        from olmoearth_core.models.open import load_model

        self.request = request
        self.model = load_model(request.checkpoint, device=request.device)
        self.card = card_of(self.model)
        self.config = with_tasks(config_of(self.card), request)
        self.parts: Parts = build(self.config)
        self.tasks = _tasks_of(self.parts, request)
        self.subjects = self._subjects()

    def rows(self) -> Iterator[tuple[str, list[LabelledSample], list[Row]]]:
        """Yield each task's name, samples and rows, in the order of the config."""
        for name, task in self.tasks.items():
            data = open_task(name, task, self.card.specs, {"dataset": self.parts.dataset})
            yield name, data, score_task(name, task, data, self.subjects, self.reading)

    def reading(self, benchmark: Benchmark) -> Reading:
        """How samples of a benchmark are handed to this model."""
        return Reading(
            self.card.specs, self.card.tokenization, benchmark.patch_size,
            grid=benchmark.task_type == "segmentation", band_gap=self.card.band_gap,
        )  # fmt: skip

    def save(self, rows: Sequence[Row], out: str | None, *, versions: Mapping[str, str]) -> Path:
        """Write the rows below `out`, else into `evaluations/` of the run or, without one, of the working folder.

        An older file is never written over.
        """
        folder = Path(out) if out else _home(self.card)
        step, number = self.card.step, 1
        stem = self.card.title.replace(" ", "-") if step is None else f"step{step:08d}"
        while (path := folder / f"{stem}-{number:03d}.json").exists():
            number += 1
        header = {
            "checkpoint": str(self.card.path),
            "source": self.card.source,
            "step": step,
            "config": self.config.digest(),
            "overrides": list(self.request.overrides),
            "versions": dict(versions),
        }
        write(rows, path, header)
        return path

    def _subjects(self) -> list[Subject]:
        model = self.model
        found = [Subject("trained", lambda reading: encode_with(model, reading), weights_hash(model))]
        if self.request.with_baselines:
            fresh = baselines.untrained(self.parts.model, self.card.specs, seed=self.parts.run.seed)
            found.append(Subject("untrained", lambda reading: encode_with(fresh, reading), weights_hash(fresh)))
            found.append(Subject("pixels", baselines.pixels))
        return found


def config_of(card: ModelCard) -> Config:
    """Return the config of the run behind a model; for one without a run, the shipped recipe around that model."""
    from olmoearth_core.config.load import load

    if (own := card.config) is not None:
        return own
    known = {"training_modalities": list(card.names)}
    layer = {"dataset": known, "data_loader": {"band_gap": card.band_gap}, "model": dict(card.model)}
    return load([DEFAULT_RUN], layers=[layer])


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


def _home(card: ModelCard) -> Path:
    """Return where results go: a run keeps its own; what was downloaded or packed stays as it is."""
    in_a_run = card.path is not None and (card.path / checkpoint.MARKER).is_file()
    return card.path.parent / "evaluations" if in_a_run and card.path else Path("evaluations")


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
