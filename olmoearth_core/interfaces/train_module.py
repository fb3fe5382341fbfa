"""What an objective must do. The step engine (`train/step.py`) does everything that objectives share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from olmoearth_core.interfaces.masking import Masking
from olmoearth_core.interfaces.optim import OptimizerRecipe, Schedule

if TYPE_CHECKING:
    from torch import Tensor, nn

    from olmoearth_core.data.sample import TrainBatch

Precision = Literal["auto", "bfloat16", "float16", "none"]
Alias = str | tuple[str, float]
"""Another name of a metric, or name and factor: what is recorded under it is the metric times that."""


@runtime_checkable
class TrainModule(Protocol):
    """One way to turn a masked batch into a loss.

    num_views: how many masked views of each batch it needs. masking, masking_b: run by the loader.
    rank_microbatch_size: samples per forward on one rank. max_grad_norm: None = no clipping.
    autocast_precision: "auto" = bfloat16 on a device that has it, float32 elsewhere.
    """

    num_views: int
    masking: Masking
    masking_b: Masking | None
    rank_microbatch_size: int
    max_grad_norm: float | None
    autocast_precision: Precision
    optim_config: OptimizerRecipe
    scheduler: Schedule

    def attach(self, model: nn.Module) -> None:
        """Prepare a freshly built model for training, once, before the optimizer is built."""
        ...

    def before_step(self, model: nn.Module, step: int, max_steps: int) -> Mapping[str, float]:
        """Before the forward of step `step` (the first is 1), e.g. update a moving average; return metrics."""
        ...

    def terms(self, model: nn.Module, batch: TrainBatch, *, seed_view: Callable[[int], None]) -> dict[str, Tensor]:
        """Return the weighted terms of the loss of one micro-batch, float32 scalars; their sum is minimised.

        seed_view(i) must be called right before the forward of view i: it seeds device randomness.
        Runs inside the engine's autocast; losses themselves must leave it.
        """
        ...

    def aliases(self) -> Mapping[str, Alias]:
        """Metric name -> legacy name under which dashboards know it, e.g. {"train/loss": "train/ModalityPatchDisc"}."""
        ...
