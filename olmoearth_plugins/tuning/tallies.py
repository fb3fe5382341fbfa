"""Predictions of a tuned model, batch by batch, as a tally; no map is kept."""

# B batch, K classes
from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from olmoearth_core.scores.tally import ClassTally, MultilabelTally, PixelTally, Tally, ValueTally
from olmoearth_plugins.probes.problem import Problem

CURVES = ("auroc", "prauc")


def tally_of(problem: Problem, metric: str, batches: Iterable[tuple[Tensor, Tensor]]) -> Tally:
    """Compare outputs with labels. batches: (outputs, labels), both on the CPU; numbers in the unit of the label."""
    if problem.regression:
        values = ValueTally()
        for output, label in batches:
            values.add(label.numpy(), output.numpy())
        return values
    if problem.dense:
        return _pixels(problem, metric in CURVES, batches)
    outputs, labels = zip(*batches, strict=True)
    output_NK, truth = torch.cat(outputs), torch.cat(labels).numpy()
    if problem.task_type == "multilabel":
        score_NK = output_NK.sigmoid()
        return MultilabelTally(truth, (score_NK > 0.5).long().numpy(), score_NK.numpy())
    return ClassTally(truth, output_NK.softmax(1).numpy())


def primary(tally: Tally, metric: str) -> float:
    """Return one metric, without computing the others."""
    return tally.resampled(np.arange(len(tally)), metric)


def _pixels(problem: Problem, curves: bool, batches: Iterable[tuple[Tensor, Tensor]]) -> PixelTally:
    tally = PixelTally(problem.outputs, curves=curves)
    for output_BKHW, label in batches:
        score = output_BKHW.softmax(1).numpy() if curves else None
        tally.add(label.numpy(), output_BKHW.argmax(1).numpy(), score)
    return tally
