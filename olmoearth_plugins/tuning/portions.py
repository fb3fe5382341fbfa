"""Which samples are learnt from, selected on and tested: parts of the splits of a case."""

# N samples
from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from olmoearth_core.errors import DataError
from olmoearth_core.evaluate.splits import block_split
from olmoearth_core.interfaces.evaluation import ALL, Case, LabelledSample
from olmoearth_core.scores.metrics import check_range, integers
from olmoearth_plugins.probes.problem import Problem

TESTED = SELECTED = 0.2
"""Shares of samples that are tested and selected on, where a benchmark has one split only."""


@dataclass(frozen=True)
class Portion:
    """Some samples of a split. labels: of all its N samples. rows: int64, ascending. split: for messages."""

    split: str
    samples: Sequence[LabelledSample]
    labels: np.ndarray
    rows: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, rows: np.ndarray) -> Portion:
        """Return the samples at `rows` of all N."""
        return replace(self, rows=torch.from_numpy(rows))

    def take(self, rows: Tensor) -> tuple[list[LabelledSample], Tensor]:
        """Read samples and their labels."""
        return [self.samples[i] for i in rows.tolist()], torch.from_numpy(self.labels[rows.numpy()])

    def batches(self, size: int) -> Iterator[Tensor]:
        """Yield rows in order, `size` at a time."""
        yield from torch.split(self.rows, size)

    def labelled(self, problem: Problem) -> Portion:
        """Return the samples that have at least one label.

        Raises:
            DataError: none has.
        """
        if problem.task_type == "multilabel":
            return self
        known = np.isfinite(self.labels) if problem.regression else self.labels != -1
        mine = known.reshape(len(known), -1).any(1)[self.rows.numpy()]
        if not mine.any():
            raise DataError(f"{self.split}: none of the {len(self)} samples has a label. Check the benchmark's data.")
        return replace(self, rows=self.rows[torch.from_numpy(mine)])


def portions(case: Case, *, seed: int) -> dict[str, Portion]:
    """Return "train", "valid" and, if the test split may be looked at, "test".

    A benchmark with one split only is cut once, whole groups at a time, by the seed.

    Raises:
        DataError: labels are no classes, or there are fewer than three groups to cut.
    """
    if ALL not in case.splits:
        wanted = ("train", "valid", "test") if case.test else ("train", "valid")
        return {split: _whole(case, split) for split in wanted}
    whole, groups = _whole(case, ALL), case.groups(ALL)
    rest, test = block_split(groups, test_fraction=TESTED, seed=seed)
    train, valid = block_split([groups[i] for i in rest], test_fraction=SELECTED / (1 - TESTED), seed=seed)
    cut = {"train": whole.at(rest[train]), "valid": whole.at(rest[valid])}
    return {**cut, "test": whole.at(test)} if case.test else cut


def truth_hash(parts: Sequence[Portion]) -> str:
    """Hash which samples are used and how they are labelled."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(f"{part.split}{part.labels.shape}{part.labels.dtype.str}".encode())
        digest.update(part.rows.numpy().tobytes())
        digest.update(np.ascontiguousarray(part.labels).data)
    return digest.hexdigest()


def _whole(case: Case, split: str) -> Portion:
    labels = case.labels(split)
    if not len(labels):
        raise DataError(f"{split}: there are no samples. Check the benchmark's data folder and filters.")
    if case.task_type in ("regression", "scalar_regression"):
        labels = labels.astype(np.float32, copy=False)
    else:
        labels = integers(labels, f"{split}: labels")
        several = case.task_type == "multilabel"
        known = labels if several else labels[labels != -1]
        check_range(known, f"{split}: labels", 2 if several else len(case.classes))
    return Portion(split, case.samples(split), labels, torch.arange(len(labels)))
