"""Training of the head for vectors with its gradients written out, which costs less than a graph per step.

Features are frozen, so what batch norm makes of a batch depends on no weight: batches are normalised many at a time,
and a step is two products with x, the normalised batch. Batch norm's own scale g and shift c fold into the linear map:
out = (W g) x^T + W c + b, and with G = dL/dout and A = G x the gradients are dW = A g + (sum G) c, dg = sum A W,
dc = (sum G) W, db = sum G.
"""

# B batch, n batches, D width, K outputs
from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, islice

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from olmoearth_core.interfaces.evaluation import TaskType
from olmoearth_plugins.probes.batches import Feeder
from olmoearth_plugins.probes.heads import VectorLinear

_AT_A_TIME = 16
"""Batches normalised together."""


def most_rows(batch_size: int) -> int:
    """Return how many rows are gathered at a time at most."""
    return _AT_A_TIME * batch_size + 1


def normalised(
    head: VectorLinear, feeder: Feeder, labels: Tensor, batches: Iterator[Tensor]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield normalised features [B,D] and targets [K,B] of each batch, and keep batch norm's running statistics.

    labels: of all samples. A batch of one sample, which has no variance, is normalised by the running statistics.
    """
    for size, alike in groupby(batches, len):
        while some := list(islice(alike, _AT_A_TIME)):
            rows = torch.cat(some)
            features_nBD = feeder.take(rows).view(len(some), size, -1)
            _normalise(head, features_nBD)
            targets = targets_of(labels.index_select(0, rows).to(features_nBD.device), head)
            yield from zip(features_nBD, targets.view(len(some), size, -1).mT, strict=True)


def targets_of(labels: Tensor, head: VectorLinear) -> Tensor:
    """Return [N,K] that outputs are drawn to: one-hot classes, 0/1 of several labels, or numbers."""
    if head.problem.task_type == "classification":
        return one_hot(labels.long(), head.problem.outputs).float()
    return labels.float().view(len(labels), -1)


def slope(out_KB: Tensor, target_KB: Tensor, kind: TaskType) -> Tensor:
    """Return dL/dout of the mean loss: cross entropy, binary cross entropy, or the squared error of numbers."""
    if kind == "classification":
        return out_KB.softmax(0).sub_(target_KB).div_(out_KB.shape[1])
    if kind == "multilabel":
        return out_KB.sigmoid().sub_(target_KB).div_(out_KB.numel())
    return (out_KB - target_KB).mul_(2 / out_KB.shape[1])


def gradients(head: VectorLinear, x_BD: Tensor, target_KB: Tensor) -> tuple[Tensor, ...]:
    """Return gradients in the order of `head.parameters()`: g, c, W, b."""
    weight_KD, scale_D, shift_D = head.linear.weight, head.norm.weight, head.norm.bias
    bias_K = torch.addmv(head.linear.bias, weight_KD, shift_D)
    out_KB = torch.addmm(bias_K[:, None], weight_KD * scale_D, x_BD.mT)
    slope_KB = slope(out_KB, target_KB, head.problem.task_type)
    product_KD, total_K = slope_KB @ x_BD, slope_KB.sum(1)
    into_scale, into_shift = (product_KD * weight_KD).sum(0), total_K @ weight_KD
    return into_scale, into_shift, product_KD.mul_(scale_D).addr_(total_K, shift_D), total_K


def _normalise(head: VectorLinear, features_nBD: Tensor) -> None:
    """Normalise in place, as torch's batch norm does, and note the statistics in the order of the batches."""
    norm, (count, size, _) = head.norm, features_nBD.shape
    mean_D, var_D = norm.running_mean, norm.running_var
    assert mean_D is not None
    assert var_D is not None
    if size == 1:
        features_nBD.sub_(mean_D).mul_((var_D + norm.eps).rsqrt())
        return
    mean_nD = features_nBD.mean(1)
    features_nBD.sub_(mean_nD[:, None])
    var_nD = features_nBD.square().mean(1)
    features_nBD.mul_((var_nD + norm.eps).rsqrt()[:, None])
    momentum = norm.momentum or 0.1
    keep_n = (1 - momentum) ** torch.arange(count - 1, -1, -1, device=mean_D.device)
    for running, found in ((mean_D, mean_nD), (var_D, var_nD * (size / (size - 1)))):
        running.mul_((1 - momentum) ** count).addmv_(found.mT, keep_n, alpha=momentum)
