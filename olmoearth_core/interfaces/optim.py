"""What an optimizer and a schedule must do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer


@runtime_checkable
class OptimizerRecipe(Protocol):
    """An optimizer without its parameters. `lr` is the peak learning rate."""

    lr: float

    def build(self, named_parameters: Iterable[tuple[str, nn.Parameter]]) -> Optimizer:
        """Return the optimizer over all trainable parameters; each group carries its peak as `initial_lr`."""
        ...


@runtime_checkable
class Schedule(Protocol):
    """Learning rate as a pure function of the step: no state, so a resumed run cannot drift."""

    def lr(self, peak: float, step: int, max_steps: int) -> float:
        """Return the rate of step `step` (the first is 1) of `max_steps`."""
        ...
