"""The loop: batches to steps, until the run is over or somebody asks it to stop.

After each step: the ranks agree on counts and on whether to go on (one small message); stages take part in file order;
metrics are flushed every few steps and observers hear of them; then a checkpoint, if one is due. On an error nobody
waits for anybody: torchrun ends the other ranks.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.optim import Optimizer

from olmoearth_core.config.schema import TrainerSettings
from olmoearth_core.data.sample import TrainBatch
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import TrainingError
from olmoearth_core.interfaces.callback import Stage
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.train import checkpoint
from olmoearth_core.train.checkpoint import Papers
from olmoearth_core.train.distributed import World
from olmoearth_core.train.meter import Meter, tokens_of
from olmoearth_core.train.notify import Bus
from olmoearth_core.train.signals import INTERRUPTED, REQUEUE, Signals
from olmoearth_core.train.state import Horizon, Progress
from olmoearth_core.train.step import SKIPPED, StepEngine

if TYPE_CHECKING:
    from olmoearth_core.config.resolved import Config
    from olmoearth_core.data.loader import Loader
    from olmoearth_core.interfaces.dataset import Dataset

log = logging.getLogger(__name__)


@dataclass
class Trainer:
    """A run in progress: what stages may use, and observers may look at.

    model: on `device`, in place on all ranks. run_dir: folder of the run; only rank 0 writes. seed: of the run.
    config: the resolved config, None for a run made of objects. progress: counters over all ranks and restarts.
    """

    model: nn.Module
    engine: StepEngine
    loader: Loader
    dataset: Dataset
    specs: Sequence[ModalitySpec]
    tokenization: Tokenization
    settings: TrainerSettings
    stages: Mapping[str, Stage]
    bus: Bus
    world: World
    horizon: Horizon
    run_dir: Path
    seed: int
    papers: Papers
    clock: Callable[[], float]
    config: Config | None = None
    band_gap: str = "zero_band"
    progress: Progress = field(default_factory=Progress)
    exit_code: int = 0
    _recorded: dict[int, dict[str, float]] = field(default_factory=dict)
    _stop: str | None = None
    _saved_step: int = -1
    _bad_in_a_row: int = 0

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.world.device

    @property
    def rank(self) -> int:
        """Number of this process."""
        return self.world.rank

    @property
    def world_size(self) -> int:
        """Number of processes."""
        return self.world.size

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer of this run."""
        return self.engine.optimizer

    @property
    def step(self) -> int:
        """Finished optimizer steps; the first is 1."""
        return self.progress.step

    @property
    def epoch(self) -> int:
        """Epoch of the next batch; the first is 1."""
        return self.progress.epoch

    @property
    def max_steps(self) -> int:
        """Number of the last step; a projection if the duration is in tokens or hours."""
        return self.horizon.max_steps(self.progress)

    def record(self, name: str, value: float) -> None:
        """Add a metric to those of the current step; it reaches observers at the next flush."""
        self._recorded.setdefault(self.step, {})[name] = float(value)

    def evaluated(self, name: str, metrics: Mapping[str, float], *, step: int | None = None) -> None:
        """Tell observers the scores of a task, on rank 0. step: of the model that was scored; None = this step."""
        if self.world.speaks:
            scored = self.step if step is None else step
            self.bus.notify("evaluated", run=self, step=scored, name=name, metrics=dict(metrics))

    def stop(self, reason: str) -> None:
        """End the run after this step, on all ranks, as soon as one asks."""
        self._stop = reason

    def fit(self) -> str:
        """Train to the end; return "finished" or "stopped".

        Raises:
            OlmoEarthError: what a user can cause; anything else is a fault of ours or of a component.
        """
        meter, outcome = Meter(self.clock), "failed"
        self.engine.skipped = self.progress.skipped
        self.bus.notify("run_started", run=self)
        try:
            for stage in self.stages.values():
                stage.started(self)
            with Signals() as signals:
                ended = self._loop(meter, signals)
            self._flush(meter)
            self.save()
            for stage in self.stages.values():
                stage.ended(self, ended)
            self._flush(meter)
            outcome = ended
        finally:
            self.loader.close()
            self.bus.notify("run_ended", run=self, outcome=outcome)
        return outcome

    def save(self) -> None:
        """Write a checkpoint of this step, unless there is one."""
        if self.step == self._saved_step or self.step == 0:
            return
        self.progress.skipped = self.engine.skipped
        path = checkpoint.save(
            self.run_dir, self.model, self.optimizer, self.trainer_state(), self.papers, world=self.world
        )
        self._saved_step = self.step
        if self.world.speaks:
            settings = self.settings
            if settings.passing_interval is not None:
                checkpoint.remove_passing(self.run_dir, settings.save_interval)
            if settings.keep_checkpoints is not None:
                checkpoint.keep_newest(self.run_dir, max(1, settings.keep_checkpoints))
            self.bus.notify("checkpoint_saved", run=self, path=str(path))

    def trainer_state(self) -> dict[str, Any]:
        """Return what a checkpoint must know to go on, as JSON values; equal on all ranks."""
        return {
            "progress": self.progress.to_json(),
            "finished": self.horizon.reached(self.progress),
            "global_batch_size": self.horizon.global_batch_size,
            "batches_per_epoch": self.horizon.batches_per_epoch,
            "data": str(self.loader.fingerprint),
            "band_gap": self.band_gap,
            "stages": {name: dict(stage.state_dict()) for name, stage in self.stages.items()},
        }

    def resumed(self, progress: Progress, stages: Mapping[str, Mapping[str, Any]]) -> None:
        """Go on from a checkpoint whose tensors are loaded."""
        self.progress, self._saved_step = progress, progress.step
        for name, state in stages.items():
            if name in self.stages:
                self.stages[name].load_state_dict(state)

    def _loop(self, meter: Meter, signals: Signals) -> str:
        while not self.horizon.reached(self.progress):
            batches = self.loader.epoch(self.progress.epoch, self.progress.batch)
            for batch in meter.timed(batches):
                before = self.clock()
                self._train(batch)
                if self._ended_step(batch, meter, signals, milliseconds=round(1000 * (self.clock() - before))):
                    return "stopped"
                if self.horizon.reached(self.progress):
                    return "finished"
        return "finished"

    def _train(self, batch: TrainBatch) -> None:
        step, limit = self.progress.step + 1, self.max_steps
        self.engine.step(batch, step, limit)
        epoch = self.progress.epoch
        self.progress.batch_done(self.horizon.batches_per_epoch)
        self.record("train/epoch", epoch)

    def _ended_step(self, batch: TrainBatch, meter: Meter, signals: Signals, milliseconds: int) -> bool:
        began = self.clock()
        for stage in self.stages.values():
            stage.step_ended(self, self.step)
        meter.skip(self.clock() - began)
        stop = self._agree(batch, meter, signals, milliseconds)
        passing = self.settings.passing_interval
        due = self.step % self.settings.save_interval == 0 or (passing is not None and self.step % passing == 0)
        every = self.settings.metrics_collect_interval
        if due or stop or self.step % every == 0 or self.step == 1 or self.settings.on_nonfinite == "stop":
            self._flush(meter)
        if due:
            began = self.clock()
            self.save()
            meter.skip(self.clock() - began)
        return stop

    def _agree(self, batch: TrainBatch, meter: Meter, signals: Signals, milliseconds: int) -> bool:
        """Add up the counts of all ranks and decide together whether to go on."""
        mine = [tokens_of(batch), batch.size, milliseconds if self.world.speaks else 0]
        flags = [int(signals.requeue), int(signals.interrupt), int(self._stop is not None)]
        tokens, samples, spent, requeue, interrupt, stop = self.world.sum_ints([*mine, *flags])
        meter.counted(tokens, samples)
        self.progress.tokens += tokens
        self.progress.samples += samples
        self.progress.milliseconds += spent
        self.exit_code = INTERRUPTED if interrupt else REQUEUE if requeue else 0
        return bool(requeue or interrupt or stop)

    def _flush(self, meter: Meter) -> None:
        rows = list(self.engine.flush())
        if rows:
            rows[-1][1].update(meter.read(self.max_steps - self.step))
        for step, metrics in rows:
            metrics.update(self._recorded.pop(step, {}))
            self.bus.notify("step_ended", run=self, step=step, metrics=metrics)
        for step in list(self._recorded):  # recorded after the step's own metrics had gone out
            self.bus.notify("step_ended", run=self, step=step, metrics=self._recorded.pop(step))
        for step, metrics in rows:
            self._check_finite(step, metrics)

    def _check_finite(self, step: int, metrics: Mapping[str, float]) -> None:
        loss, norm = metrics["train/loss"], metrics["optim/total grad norm"]
        if math.isfinite(loss) and math.isfinite(norm):
            self._bad_in_a_row = 0
            return
        self._bad_in_a_row += 1
        what = f"step {step}: loss {loss} and gradient norm {norm} are not finite"
        if self.settings.on_nonfinite == "stop":
            raise TrainingError(
                f"{what}; the update was left out and the run stops ([trainer] on_nonfinite = stop). "
                "Look for bad samples, lower the learning rate, or set on_nonfinite to skip."
            )
        if self._bad_in_a_row >= self.settings.max_nonfinite_steps:
            raise TrainingError(
                f"{what}, like the {self._bad_in_a_row - 1} steps before it ([trainer] max_nonfinite_steps). "
                "The weights are those of the last good step. Lower the learning rate or look for bad samples."
            )
        if self.world.speaks:
            log.warning("%s; the update was left out on all ranks (%d so far)", what, int(metrics[SKIPPED]))
