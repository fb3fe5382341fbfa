"""What a probe has to answer, and how it is trained: plain facts, checked before anything is trained."""

# h w patches, H W label pixels, D width, u label pixels along a side of a patch
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.evaluation import DENSE, TaskType
from olmoearth_core.scores.metrics import integers

PROBE_TYPES = ("linear", "interpolate_linear", "bilinear_conv", "attnpool")
ALLOWED: dict[str, tuple[str, ...]] = {
    "linear": ("classification", "multilabel", "segmentation", "regression", "scalar_regression"),
    "interpolate_linear": ("segmentation",),
    "bilinear_conv": ("segmentation", "regression"),
    "attnpool": ("segmentation",),
}
"""Probe type -> task types it can answer."""


@dataclass(frozen=True)
class Recipe:
    """How a probe is trained. lr: peak rate. eval_interval: epochs between validations. dice: add the dice loss."""

    lr: float
    batch_size: int = 32
    epochs: int = 50
    eval_interval: int = 50
    probe_type: str = "linear"
    select_best: bool = False
    dice: bool = False


@dataclass(frozen=True)
class Problem:
    """What is asked of a probe.

    width: D. outputs: classes K, 1 for regressions. grid: (h, w) and size: (H, W) on dense tasks, else None.
    """

    task_type: TaskType
    width: int
    outputs: int
    grid: tuple[int, int] | None = None
    size: tuple[int, int] | None = None

    @property
    def dense(self) -> bool:
        """Whether labels lie on a grid."""
        return self.task_type in DENSE

    @property
    def regression(self) -> bool:
        """Whether labels are numbers."""
        return self.task_type in ("regression", "scalar_regression")

    @property
    def per_patch(self) -> int:
        """Return u, int(sqrt(H W / (h w))), at least 1; where u does not divide the label, logits are resized."""
        if self.grid is None or self.size is None:
            return 1
        return max(1, int((self.size[0] * self.size[1] / (self.grid[0] * self.grid[1])) ** 0.5))

    @property
    def fits(self) -> bool:
        """Whether patches of u x u pixels tile the label exactly."""
        assert self.grid is not None
        return self.size == (self.grid[0] * self.per_patch, self.grid[1] * self.per_patch)


def check_type(probe_type: str, task_type: TaskType) -> None:
    """Refuse a probe that cannot answer a task.

    Raises:
        ConfigError: this probe type is not made for this task type.
    """
    if task_type not in ALLOWED[probe_type]:
        fitting = [name for name, tasks in ALLOWED.items() if task_type in tasks]
        raise ConfigError(
            f'linear_probe: probe_type "{probe_type}" cannot answer a {task_type} task; it is made for '
            f"{', '.join(ALLOWED[probe_type])}. Use {' or '.join(fitting)}."
        )


def problem_of(
    task_type: TaskType, feature_shape: tuple[int, ...], label_shape: tuple[int, ...], classes: int
) -> Problem:
    """Read the facts off the shapes of a split's features and labels, sample axis included.

    Raises:
        DataError: the shapes do not belong to this task type, or differ in the number of samples.
    """
    dense = task_type in DENSE
    wanted = "[N,h,w,D] (or [N,h,w,G,D])" if dense else "[N,D]"
    if (len(feature_shape) not in (4, 5)) if dense else (len(feature_shape) != 2):
        raise DataError(f"Features of a {task_type} task have shape {feature_shape}, expected {wanted}.")
    axes = {"segmentation": 3, "regression": 3, "multilabel": 2}.get(task_type, 1)
    if len(label_shape) != axes or label_shape[0] != feature_shape[0]:
        raise DataError(
            f"Labels of a {task_type} task have shape {label_shape}, expected {axes} axes and {feature_shape[0]} "
            f"samples, as the features {feature_shape} have. Check the benchmark's reader."
        )
    outputs = 1 if task_type in ("regression", "scalar_regression") else classes
    if task_type == "multilabel" and label_shape[1] != classes:
        raise DataError(f"Multi-label labels have {label_shape[1]} columns, but there are {classes} classes.")
    grid = (feature_shape[1], feature_shape[2]) if dense else None
    return Problem(task_type, feature_shape[-1], outputs, grid, (label_shape[1], label_shape[2]) if dense else None)


def check_labels(labels: np.ndarray, problem: Problem, split: str) -> None:
    """Refuse classes that there are none of.

    Raises:
        DataError: labels are no integers, or lie outside -1 ... K-1 (outside 0 ... 1 where there are several).
    """
    if problem.regression or not labels.size:
        return
    values = integers(labels, f"{split}: labels")
    low, high = (0, 1) if problem.task_type == "multilabel" else (-1, problem.outputs - 1)
    if values.min() < low or values.max() > high:
        raise DataError(
            f"{split}: labels run from {values.min()} to {values.max()}, expected {low} ... {high} "
            f"({problem.outputs} classes{', -1 = ignore' if low else ''}). Check the benchmark's reader."
        )
