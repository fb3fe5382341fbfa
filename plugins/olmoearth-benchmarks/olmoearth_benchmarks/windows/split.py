"""Which windows are trained and tested on: what their options say, completed by the rules of evaluation.md 4.10."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np
import torch

SPLITS = {"train": "train", "val": "valid", "valid": "valid", "test": "test"}
"""Word of the data set -> ours."""


def divided(words: Sequence[object], *, seed: int = 42) -> dict[str, np.ndarray]:
    """Return positions by split. words: what each window says; others than those of SPLITS say nothing.

    All three there: kept. Training and one other: that one is halved. Else all that say something, or all windows,
    are pooled: 80 % for training, the rest halved.
    """
    names = [SPLITS.get(word) if isinstance(word, str) else None for word in words]
    at: Mapping[str, np.ndarray] = {
        split: np.array([i for i, name in enumerate(names) if name == split], np.int64)
        for split in ("train", "valid", "test")
    }
    have = {split for split, rows in at.items() if len(rows)}
    if have == {"train", "valid", "test"}:
        return dict(at)
    if have in ({"train", "valid"}, {"train", "test"}):
        (other,) = have - {"train"}
        valid, test = _halves(_shuffled(at[other], seed))
        return {"train": at["train"], "valid": valid, "test": test}
    pooled = np.concatenate(list(at.values())) if have else np.arange(len(words))
    order = _shuffled(pooled, seed)
    first = int(len(order) * 0.8)
    valid, test = _halves(order[first:])
    return {"train": order[:first], "valid": valid, "test": test}


def share(rows: np.ndarray, fraction: float) -> np.ndarray:
    """Return the first of a shuffle of the training windows, at least one, in the order of the shuffle."""
    if fraction == 1.0:
        return rows
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(42)).numpy()
    kept: np.ndarray = rows[order[: max(1, int(len(rows) * fraction))]]
    return kept


def _shuffled(rows: np.ndarray, seed: int) -> np.ndarray:
    """Shuffle as the reference does, so that its splits come out exactly."""
    order = rows.tolist()
    random.Random(seed).shuffle(order)
    return np.array(order, np.int64)


def _halves(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return rows[: len(rows) // 2], rows[len(rows) // 2 :]
