"""Where objects meet: parts become a run.

Nothing else knows that a model needs modalities, an optimizer parameters, or the loader the maskings of the objective.
What can be known from the parts alone is checked here, before data are opened and weights allocated.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from olmoearth_core.config.freeze import freeze
from olmoearth_core.config.schema import DataLoaderSettings, Parts
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.callback import Observer, Stage
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.train import beginning, checkpoint, distributed, files, provenance, resume
from olmoearth_core.train import specs as modality_specs
from olmoearth_core.train.checkpoint import Papers
from olmoearth_core.train.distributed import World
from olmoearth_core.train.notify import Bus
from olmoearth_core.train.seed import seed_weights
from olmoearth_core.train.state import Horizon, Progress
from olmoearth_core.train.step import StepEngine, autocast
from olmoearth_core.train.trainer import Trainer

if TYPE_CHECKING:
    from olmoearth_core.config.resolved import Config
    from olmoearth_core.data.loader import Loader
    from olmoearth_core.interfaces.dataset import Dataset

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """How a run ended: outcome "finished", "stopped" or "already finished", and the exit code that says so."""

    outcome: str
    exit_code: int
    run_dir: Path
    step: int


@dataclass
class Run:
    """Parts that fit together; `fit` allocates and trains. `trainer` is there once it has begun."""

    parts: Parts
    config: Config | None
    environment: Mapping[str, str]
    clock: Callable[[], float] = time.monotonic
    trainer: Trainer | None = None

    @property
    def specs(self) -> tuple[ModalitySpec, ...]:
        """The modalities; opening the data set may replace their statistics."""
        return tuple(self.parts.dataset.specs)

    @property
    def tokenization(self) -> Tokenization:
        """The one tokenization of loader, masking and model."""
        return self.parts.model.tokenization

    @property
    def run_dir(self) -> Path:
        """Folder of the run."""
        return Path(self.parts.run.root) / self.parts.run.name

    def fit(self) -> Result:
        """Train until the end, from where the run folder's last checkpoint left off.

        Raises:
            OlmoEarthError: what a user can cause.
        """
        settings = self.parts.trainer
        world = distributed.join(self.environment, settings.device)
        try:
            _set_up(settings.threads, settings.deterministic)
            return self._fit(world)
        finally:
            distributed.leave(world)

    def _fit(self, world: World) -> Result:
        loader = self.loader(world)
        horizon = self.horizon(loader)
        start = resume.Start.from_text(world.on_rank_0(lambda: self._prepare(horizon).to_text()))
        if start.finished:
            loader.close()
            return Result("already finished", 0, self.run_dir, _step_of(start.checkpoint))
        self.trainer = trainer = self._trainer(world, loader, horizon, start)
        if start.checkpoint is not None:
            _load(trainer, start)
        outcome = trainer.fit()
        return Result(outcome, trainer.exit_code, self.run_dir, trainer.step)

    def loader(self, world: World) -> Loader:
        """Open the data set and return this rank's loader."""
        parts, objective = self.parts, self.parts.train_module
        parts.dataset.prepare()
        loader = open_loader(
            parts.dataset, parts.data_loader, tokenization=self.tokenization, masking=objective.masking,
            masking_b=objective.masking_b, num_views=objective.num_views, rank=world.rank, world_size=world.size,
            pin_memory=world.device.type == "cuda" and parts.data_loader.num_workers > 0,
        )  # fmt: skip
        if loader.batches_per_epoch < 1:
            raise DataError(
                f"{len(parts.dataset)} samples do not fill one batch of {parts.data_loader.global_batch_size}. "
                "Lower data_loader.global_batch_size or add data."
            )
        return loader

    def horizon(self, loader: Loader) -> Horizon:
        """Return when the run ends."""
        settings = self.parts.data_loader
        duration = self.parts.trainer.max_duration
        return Horizon(duration, loader.batches_per_epoch, settings.global_batch_size, settings.token_budget)

    def _prepare(self, horizon: Horizon) -> resume.Start:
        start = resume.decide(self.run_dir, self.config, self.parts.trainer, horizon)
        if not start.finished and self.config is not None:
            freeze(self.config, self.run_dir / "config")
        return start

    def _trainer(self, world: World, loader: Loader, horizon: Horizon, start: resume.Start) -> Trainer:
        parts, objective = self.parts, self.parts.train_module
        model, licence = self._model(world, start)
        optimizer = objective.optim_config.build(model.named_parameters())
        found = provenance.collect(
            self.config.tree if self.config else None, self._objects(), self.specs, folder=Path.cwd()
        )
        provenance.compare(found, world)
        world.on_rank_0(lambda: files.write_json(self.run_dir / "provenance.json", found))
        text = self.config.to_text() if self.config else None
        observers, stages = _callbacks(parts.trainer.callbacks)
        return Trainer(
            model=model, engine=StepEngine(model, objective, optimizer, world, parts.run.seed), loader=loader,
            dataset=parts.dataset, specs=self.specs, tokenization=self.tokenization, settings=parts.trainer,
            stages=stages, bus=Bus(observers, self.environment), world=world, horizon=horizon, run_dir=self.run_dir,
            seed=parts.run.seed, papers=Papers(text, modality_specs.to_json(self.specs), found, licence),
            clock=self.clock, config=self.config, band_gap=parts.data_loader.band_gap,
        )  # fmt: skip

    def _model(self, world: World, start: resume.Start) -> tuple[nn.Module, str]:
        """Return the model on all ranks, and the licence of the weights that it begins with."""
        seed_weights(self.parts.run.seed)
        model = self.parts.model.build(self.specs)
        # The other ranks get their weights from rank 0, as they get fresh ones.
        licence = world.on_rank_0(lambda: self._begin(model, start))
        self.parts.train_module.attach(model)
        return distributed.parallelize(model.to(world.device), world), licence

    def _begin(self, model: nn.Module, start: resume.Start) -> str:
        if start.weights is not None:
            return beginning.take_weights(start.weights, model, self.specs, self.tokenization)
        return beginning.licence_of(start.checkpoint) if start.checkpoint is not None else ""

    def _objects(self) -> dict[str, object]:
        objective = self.parts.train_module
        parts = {"dataset": self.parts.dataset, "model": self.parts.model, "train_module": objective}
        inner = {name: getattr(objective, name) for name in ("masking", "masking_b", "optim_config", "scheduler")}
        callbacks = {f"callback {name}": callback for name, callback in self.parts.trainer.callbacks.items()}
        return {role: thing for role, thing in {**parts, **inner, **callbacks}.items() if thing is not None}


def open_loader(dataset: Dataset, settings: DataLoaderSettings, **how: Any) -> Loader:
    """Return the loader of one rank; it is imported only when a run begins."""
    from olmoearth_core.data.loader import Loader

    return Loader(dataset, settings, **how)


def assemble(parts: Parts, *, config: Config | None, environment: Mapping[str, str]) -> Run:
    """Join the parts of a config, or parts made by hand, to a run; nothing is allocated or opened.

    Args:
        parts: what the run is made of.
        config: where they came from; None for parts made by hand, whose checkpoints then cannot rebuild the model.
        environment: the process environment, in which torchrun says who is who.

    Raises:
        ConfigError: parts that do not fit each other.
    """
    world_size = int(environment.get("WORLD_SIZE", "1"))
    _check_batch(parts, world_size)
    _check_patches(parts)
    _check_trainer(parts)
    _callbacks(parts.trainer.callbacks)
    return Run(parts, config, environment)


def _check_batch(parts: Parts, world_size: int) -> None:
    whole, micro = parts.data_loader.global_batch_size, parts.train_module.rank_microbatch_size
    if whole % (micro * world_size):
        raise ConfigError(
            f"[data_loader] global_batch_size = {whole} is no multiple of rank_microbatch_size x processes = "
            f"{micro} x {world_size} = {micro * world_size}. Set --data_loader.global_batch_size or "
            "--train_module.rank_microbatch_size so that it is."
        )


def _check_patches(parts: Parts) -> None:
    loader = parts.data_loader
    if not 1 <= loader.min_patch_size <= loader.max_patch_size:
        raise ConfigError(
            f"[data_loader] patch sizes run from {loader.min_patch_size} to {loader.max_patch_size}; "
            "min_patch_size must be at least 1 and not above max_patch_size."
        )
    encoder = getattr(parts.model, "encoder_config", None)
    smallest, largest = getattr(encoder, "min_patch_size", 1), getattr(encoder, "max_patch_size", None)
    if loader.min_patch_size < smallest or (largest is not None and loader.max_patch_size > largest):
        raise ConfigError(
            f"[data_loader] patch sizes run from {loader.min_patch_size} to {loader.max_patch_size}, but the encoder's "
            f"from {smallest} to {largest} pixels. Set --data_loader.min_patch_size and --data_loader.max_patch_size, "
            "or those of --model.encoder_config."
        )


def _check_trainer(parts: Parts) -> None:
    settings = parts.trainer
    for name in ("save_interval", "metrics_collect_interval", "max_nonfinite_steps"):
        if getattr(settings, name) < 1:
            raise ConfigError(f"[trainer] {name} must be at least 1 step, found {getattr(settings, name)}.")
    Horizon(settings.max_duration, 1, parts.data_loader.global_batch_size)
    autocast(parts.train_module.autocast_precision, torch.device("cpu"))
    if "://" in parts.run.root:
        raise ConfigError(f"[run] root = {parts.run.root}: run folders must be local paths for now.")


def _callbacks(callbacks: Mapping[str, Any]) -> tuple[dict[str, Observer], dict[str, Stage]]:
    observers = {name: c for name, c in callbacks.items() if isinstance(c, Observer)}
    stages: dict[str, Stage] = {name: c for name, c in callbacks.items() if name not in observers}
    for name, stage in stages.items():
        if not isinstance(stage, Stage):
            raise ConfigError(
                f"[trainer.callbacks.{name}] is a {type(stage).__name__}, which is neither an Observer nor a Stage."
            )
    return observers, stages


def _set_up(threads: int | None, deterministic: bool) -> None:
    if threads is not None:
        torch.set_num_threads(threads)
    if deterministic:
        torch.use_deterministic_algorithms(True)


def _load(trainer: Trainer, start: resume.Start) -> None:
    assert start.checkpoint is not None
    checkpoint.load(start.checkpoint, trainer.model, trainer.optimizer, world=trainer.world)
    state = checkpoint.read_json(start.checkpoint, "trainer.json")
    progress = Progress.from_json(state["progress"])
    data = str(trainer.loader.fingerprint)
    if state["data"] != data:
        if start.own:
            raise ConfigError(
                f"{start.checkpoint}: it was trained on another data set (fingerprint {state['data']}, now {data}). "
                "Start under another --run.name, with --trainer.load_path to keep the weights."
            )
        log.warning("%s was trained on other data: its epoch begins anew", start.checkpoint)
        progress.batch = 0
    elif state["global_batch_size"] != trainer.horizon.global_batch_size:
        progress.batch = progress.batch * state["global_batch_size"] // trainer.horizon.global_batch_size
    trainer.resumed(progress, state["stages"])


def _step_of(folder: Path | None) -> int:
    return int(folder.name.removeprefix("step")) if folder else 0
