"""What a probe is trained to make small. Entries without a label (-1, or NaN for numbers) never count."""

# B batch, K classes
from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from olmoearth_plugins.probes.problem import Problem

Objective = Callable[[Tensor, Tensor], Tensor]
IGNORE = -1


def objective(problem: Problem, *, dice: bool = False) -> Objective:
    """Return the loss of a task type as a function of outputs and labels; logits are [B,K,...], numbers [B,...]."""
    if problem.regression:
        return masked_mse
    if problem.task_type == "multilabel":
        return lambda logits, labels: binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))
    return dice_and_cross_entropy if dice else _cross_entropy


def slope(problem: Problem, *, dice: bool = False) -> Objective:
    """Return the slope dL/dout of `objective` for dense tasks, float32 like out: [B,K,...], numbers [B,...].

    Written out where it is plain, which costs half of what a graph does on maps.
    """
    if problem.regression:
        return _mse_slope
    return _dice_slope if dice else _cross_entropy_slope


def masked_mse(predicted: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error over finite targets; 0 where there is none."""
    known = target.isfinite()
    error = torch.where(known, predicted - target.nan_to_num(0.0, 0.0, 0.0), 0.0)
    return error.square().sum() / known.sum().clamp(min=1)


def dice_and_cross_entropy(logits_BK: Tensor, labels_B: Tensor) -> Tensor:
    """Return 1 - sum of w dice + cross entropy, over labelled entries of the whole batch.

    dice of a class = (2 sum p y + 1) / (sum p + sum y + 1), p = softmax; w is inverse to the class's frequency (1 for
    an absent class) and sums to 1. logits [B,K,...], labels [B,...], -1 = unlabelled.
    """
    num_classes = logits_BK.shape[1]
    known = labels_B != IGNORE
    share_NK = logits_BK.float().softmax(1).movedim(1, -1)[known]
    truth_NK = one_hot(labels_B[known].long(), num_classes).to(share_NK.dtype)
    both, count_K = (share_NK * truth_NK).sum(0), truth_NK.sum(0)
    dice_K = (2 * both + 1) / (share_NK.sum(0) + count_K + 1)
    weight_K = torch.where(count_K > 0, count_K.sum() / (num_classes * count_K.clamp(min=1)), 1.0)
    weight_K = weight_K / (weight_K.sum() + 1e-8)
    return 1 - (weight_K * dice_K).sum() + _cross_entropy(logits_BK, labels_B)


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return cross_entropy(logits, labels.long(), ignore_index=IGNORE)


@torch.no_grad()
def _cross_entropy_slope(logits_BK: Tensor, labels_B: Tensor) -> Tensor:
    known_B1 = (labels_B != IGNORE).unsqueeze(1)
    weight_B1 = known_B1 / known_B1.sum().clamp(min=1)
    slope_BK = logits_BK.softmax(1)
    slope_BK.scatter_add_(1, labels_B.long().clamp(min=0).unsqueeze(1), -known_B1.float())
    return slope_BK.mul_(weight_B1)


@torch.no_grad()
def _mse_slope(predicted: Tensor, target: Tensor) -> Tensor:
    known = target.isfinite()
    return torch.where(known, predicted - target, 0.0).mul_(2 / known.sum().clamp(min=1))


def _dice_slope(logits_BK: Tensor, labels_B: Tensor) -> Tensor:
    with torch.enable_grad():
        free_BK = logits_BK.detach().requires_grad_()
        return torch.autograd.grad(dice_and_cross_entropy(free_BK, labels_B), free_BK)[0]
