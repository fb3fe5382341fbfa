"""Two protocols of callbacks.

An *observer* looks on and reports (console, JSONL, W&B); it is registered with pluggy, implements any subset of
the hooks of `olmoearth_core.hooks`, and is dropped with a warning when it raises. A *stage* takes part
(checkpointer, evaluator, early stop): the trainer calls it on all ranks, in file order, and its error ends the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from olmoearth_core.train.trainer import Trainer


class Observer:
    """Base of observers: subclass it and implement hooks of `olmoearth_core.hooks` with `@hookimpl`."""


@runtime_checkable
class Stage(Protocol):
    """Called by the trainer on every rank; may use collectives and may stop the run."""

    def started(self, trainer: Trainer) -> None:
        """Before the first step (of this process)."""
        ...

    def step_ended(self, trainer: Trainer, step: int) -> None:
        """After the optimizer step and its metrics."""
        ...

    def ended(self, trainer: Trainer, outcome: str) -> None:
        """After the last step: outcome is "finished", "stopped" or "failed"."""
        ...

    def state_dict(self) -> Mapping[str, Any]:
        """Plain JSON values that a checkpoint must carry."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        ...


Callback = Observer | Stage
