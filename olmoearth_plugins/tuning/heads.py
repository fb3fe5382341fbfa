"""The heads of fine-tuning: features in, one value per class (or number) and label pixel out. No batch norm."""

# B batch, h w patches, D width, K outputs, u label pixels along a side of a patch
from __future__ import annotations

from torch import Tensor, nn

from olmoearth_core.errors import ConfigError
from olmoearth_plugins.heads.unet import UNetDecoder
from olmoearth_plugins.probes.heads import Head, unfold
from olmoearth_plugins.probes.problem import Problem


class VectorHead(Head):
    """Linear(D, K)."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.linear = nn.Linear(problem.width, problem.outputs)

    def forward(self, features_BD: Tensor) -> Tensor:
        """Return [B,K], or [B] for numbers."""
        out_BK: Tensor = self.linear(features_BD)
        return out_BK[:, 0] if self.problem.regression else out_BK


class GridHead(Head):
    """Linear(D, K u u) on each patch for classes; for numbers Linear(D, 1), resized bilinearly to the label."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.side = 1 if problem.regression else problem.per_patch
        self.linear = nn.Linear(problem.width, problem.outputs * self.side**2)

    def forward(self, features_BhwD: Tensor) -> Tensor:
        """Return [B,K,H,W], or [B,H,W] for numbers."""
        return self.sized(unfold(self.linear(features_BhwD), self.side))


class UNetHead(Head):
    """Convolutions and doublings of the grid up to the label; see `UNetDecoder`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.decoder = UNetDecoder(problem.width, problem.outputs, problem.per_patch)

    def forward(self, features_BhwD: Tensor) -> Tensor:
        """Return [B,K,H,W], or [B,H,W] for numbers."""
        return self.sized(self.decoder(features_BhwD))


def head_of(kind: str, problem: Problem) -> Head:
    """Make a head; its weights are drawn from the global generator, as torch does.

    Raises:
        ConfigError: a unet for labels that do not lie on a grid, or for patches whose side is no power of two.
    """
    if kind == "unet":
        if not problem.dense:
            raise ConfigError(
                f'finetune: head "unet" answers per pixel, but the task is {problem.task_type}. Use head "linear".'
            )
        return UNetHead(problem)
    return GridHead(problem) if problem.dense else VectorHead(problem)
