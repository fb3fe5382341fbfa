"""How far a run has come, and when it is over: a few whole numbers that a checkpoint carries as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import ceil
from typing import Any

from olmoearth_core.config.schema import Duration
from olmoearth_core.errors import ConfigError

_UNKNOWN_STEPS = 1_000_000


@dataclass
class Progress:
    """Counted over all ranks and all restarts.

    step: finished optimizer steps. epoch: counts from 1. batch: batches of this epoch that are done.
    tokens: encoded plus decoded, over all views. milliseconds: time spent in steps.
    skipped: steps that were not finite.
    """

    step: int = 0
    epoch: int = 1
    batch: int = 0
    tokens: int = 0
    samples: int = 0
    milliseconds: int = 0
    skipped: int = 0

    def to_json(self) -> dict[str, int]:
        """Return plain numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Progress:
        """Take back what `to_json` gave; unknown keys are of other versions and ignored."""
        return cls(**{f.name: int(state[f.name]) for f in fields(cls) if f.name in state})

    def batch_done(self, batches_per_epoch: int) -> None:
        """Count one step and its batch, and begin the next epoch after the last one."""
        self.step += 1
        self.batch += 1
        if self.batch >= batches_per_epoch:
            self.epoch, self.batch = self.epoch + 1, 0


@dataclass(frozen=True)
class Horizon:
    """When a run ends, and how many steps that makes: known for steps, epochs and samples, else a projection.

    The projection for tokens and hours depends only on `Progress`, so that a schedule is the same after a resume.
    """

    duration: Duration
    batches_per_epoch: int
    global_batch_size: int
    tokens_per_sample: int | None = None

    def __post_init__(self) -> None:
        """Check that there is exactly one limit."""
        given = {name: value for name, value in asdict(self.duration).items() if value is not None}
        if len(given) != 1:
            raise ConfigError(
                "[trainer.max_duration] needs exactly one of steps, epochs, tokens, samples and hours, "
                f"found {given or 'none'}."
            )

    def max_steps(self, progress: Progress) -> int:
        """Return the number of the last step."""
        d = self.duration
        if d.steps is not None:
            return d.steps
        if d.epochs is not None:
            return d.epochs * self.batches_per_epoch
        if d.samples is not None:
            return ceil(d.samples / self.global_batch_size)
        share = self._share(progress)
        if share >= 1:
            return progress.step
        if share > 0:
            return max(progress.step + 1, ceil(progress.step / share))
        if d.tokens is not None and self.tokens_per_sample:
            return max(1, ceil(d.tokens / (self.tokens_per_sample * self.global_batch_size)))
        return _UNKNOWN_STEPS

    def reached(self, progress: Progress) -> bool:
        """Return whether the run is over."""
        if self.duration.tokens is not None or self.duration.hours is not None:
            return self._share(progress) >= 1
        return progress.step >= self.max_steps(progress)

    def _share(self, progress: Progress) -> float:
        if self.duration.tokens is not None:
            return progress.tokens / self.duration.tokens
        return progress.milliseconds / 3.6e6 / (self.duration.hours or 1)
