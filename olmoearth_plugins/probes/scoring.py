"""What a trained head answers, compared with the labels batch by batch: no table of scores of a whole dense split."""

# B batch, N samples, K classes
from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from olmoearth_core.scores.tally import ClassTally, MultilabelTally, PixelTally, Tally, ValueTally
from olmoearth_plugins.probes.problem import Problem
from olmoearth_plugins.probes.targets import Scaling

Answers = Iterable[tuple[Tensor, Tensor]]
"""Rows and float32 outputs of the head, batch by batch."""


def tally_of(answers: Answers, labels: np.ndarray, problem: Problem, scaling: Scaling, *, curves: bool) -> Tally:
    """Compare answers with labels. labels: of all samples, in their own unit. curves: AUROC of dense classes, too."""
    if problem.task_type == "segmentation":
        return _pixels(answers, labels, problem.outputs, curves)
    if problem.regression:
        values = ValueTally()
        for rows, found in answers:
            values.add(labels[rows.numpy()], scaling.restored(found).numpy())
        return values
    parts = list(answers)
    rows, logits_NK = torch.cat([rows for rows, _ in parts]), torch.cat([found for _, found in parts])
    truth = labels[rows.numpy()]
    if problem.task_type == "multilabel":
        scores = logits_NK.sigmoid().numpy()
        return MultilabelTally(truth, (scores > 0.5).astype(np.int64), scores)
    return ClassTally(truth, logits_NK.softmax(1).numpy(), logits_NK.argmax(1).numpy())


def _pixels(answers: Answers, labels: np.ndarray, classes: int, curves: bool) -> PixelTally:
    tally = PixelTally(classes, curves=curves)
    for rows, logits_BKHW in answers:
        scores = logits_BKHW.softmax(1).numpy() if curves else None
        tally.add(labels[rows.numpy()], logits_BKHW.argmax(1).numpy(), scores)
    return tally
