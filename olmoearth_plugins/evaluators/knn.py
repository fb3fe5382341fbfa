"""k nearest neighbours by cosine: how much of a label can be read off frozen features without training anything.

Each neighbour votes with exp(cosine / temperature). On fixed splits the training features vote on the others and the
interval comes from drawing the tested samples again; a benchmark that nobody has divided is split by spatial blocks
several times, and the interval says how much the score depends on the split.
"""

# N queries, M references, D width, K classes, h w patches
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.profile import REFERENCE
from olmoearth_core.evaluate.splits import block_split, cap_per_class
from olmoearth_core.features.nearest import Rows, nearest
from olmoearth_core.interfaces.evaluation import ALL, Case, Evaluator, Score
from olmoearth_core.scores.interval import score_of
from olmoearth_core.scores.tally import ClassTally, MultilabelTally, PixelTally, Tally, scores_of

_CHUNK = 2048
_FIXED = {"classification": "accuracy", "multilabel": "micro_map"}
"""Metric that the reference's bootstrap is of, whatever the primary metric."""


def knn(
    *,
    k: int = 20,
    temperature: float = 0.07,
    seeds: int = 5,
    test_fraction: float = 0.3,
    max_per_class: int | None = None,
    bootstrap: int = 1000,
    bootstrap_seed: int = 42,
) -> Evaluator:
    """Classify by weighted vote of the nearest training features, whole samples or patches.

    Labels per pixel count by patch: the commonest class of a training patch (of equals the lowest) is its label, and
    what is answered for a patch is answered for each of its pixels. Memory does not grow with the number of features,
    which may be in a file: see `olmoearth_core.features.nearest`.

    k: neighbours asked; all of them where there are fewer. temperature: smaller = the nearest decides.
    seeds: number of spatial-block splits of a benchmark that has none; each gives one score. test_fraction: share of
    samples tested in each. max_per_class: references kept per class, drawn with the split's seed (0 on fixed splits);
    null = all. bootstrap: times that the tested samples are drawn again for the interval, with `bootstrap_seed`.
    """
    if min(k, seeds, bootstrap) < 1 or temperature <= 0:
        raise ConfigError(
            f"knn: k, seeds and bootstrap must be at least 1 and temperature above 0; got {k}, {seeds}, {bootstrap}, "
            f"{temperature}."
        )
    if max_per_class is not None and max_per_class < 1:
        raise ConfigError(f"knn: max_per_class is {max_per_class}, but must be at least 1, or null for all.")
    return _Knn(k, temperature, seeds, test_fraction, max_per_class, bootstrap, bootstrap_seed)


def probabilities(
    query: Tensor | Rows,
    train: Tensor | Rows,
    label: Tensor,
    *,
    num_classes: int | None = None,
    k: int = 20,
    temperature: float = 0.07,
    skip_self: bool = False,
    same_dtype: bool = False,
) -> Tensor:
    """Return [N,K]: the share of the vote of each class, float32.

    label: one class each [M], with num_classes; or 0/1 of several [M,K], each of which is voted on by itself, so that
    the shares are those of "yes". skip_self: leave out the nearest neighbour of each query, for references that are
    queried with themselves. same_dtype: compute in the dtype of the features, bfloat16 too.
    """
    query, train = (part if isinstance(part, Rows) else Rows(part) for part in (query, train))
    count = min(k + int(skip_self), len(train))
    near_Nk, at_Nk = nearest(query, train, count, dtype=None if same_dtype else torch.float32)
    near_Nk, at_Nk = near_Nk[:, int(skip_self) :], at_Nk[:, int(skip_self) :]
    votes = _several if label.ndim == 2 else _one
    classes = label.shape[1] if label.ndim == 2 else num_classes
    assert classes is not None
    parts = [
        votes((near / temperature).exp(), label[at], classes)
        for near, at in zip(torch.split(near_Nk, _CHUNK), torch.split(at_Nk, _CHUNK), strict=True)
    ]
    return torch.cat(parts) if parts else near_Nk.new_zeros(0, classes)


def _one(weight_Nk: Tensor, label_Nk: Tensor, classes: int) -> Tensor:
    score_NK = weight_Nk.new_zeros(len(weight_Nk), classes).scatter_add_(1, label_Nk.long(), weight_Nk)
    return score_NK / score_NK.sum(-1, keepdim=True).clamp(min=1e-8)


def _several(weight_Nk: Tensor, label_NkK: Tensor, classes: int) -> Tensor:
    yes_NK = (weight_Nk[:, None] @ label_NkK.to(weight_Nk.dtype)).squeeze(1)
    no_NK = (weight_Nk[:, None] @ (1 - label_NkK).to(weight_Nk.dtype)).squeeze(1)
    return yes_NK / (yes_NK + no_NK).clamp(min=1e-8)


@dataclass(frozen=True)
class _Labelled:
    """Positions of a split that have a label. rows: of the flattened features; label: [M] or [M,K]."""

    features: Tensor
    rows: Tensor
    label: Tensor

    def at(self, chosen: np.ndarray) -> _Labelled:
        index = torch.from_numpy(chosen)
        return _Labelled(self.features, self.rows[index], self.label[index])


@dataclass
class _Knn:
    k: int
    temperature: float
    seeds: int
    test_fraction: float
    max_per_class: int | None
    bootstrap: int
    bootstrap_seed: int
    name: str = "knn"

    def evaluate(self, case: Case) -> list[Score]:
        """Score valid and, if asked for, test by the training split; or `seeds` splits by spatial block."""
        if case.task_type not in ("classification", "multilabel", "segmentation"):
            raise ConfigError(
                f"knn cannot score {case.task_type}; it does classification, multilabel and segmentation. Use a probe."
            )
        if case.task_type == "multilabel" and self.max_per_class is not None:
            raise ConfigError("knn: max_per_class is for samples of one class each; leave it out on multilabel tasks.")
        if ALL in case.splits:
            return self._by_blocks(case)
        train = _labelled(case, "train")
        train = train.at(cap_per_class(train.label.numpy(), self.max_per_class, seed=0))
        primary = _FIXED.get(case.task_type, case.primary_metric) if case.profile == REFERENCE else case.primary_metric
        found = []
        for split in ("valid", "test") if case.test else ("valid",):
            tally = self._tally(case, split, train, _labelled(case, split))
            found += scores_of(
                [tally], primary=primary, split=split, resamples=self.bootstrap, seed=self.bootstrap_seed
            )
        return found

    def _by_blocks(self, case: Case) -> list[Score]:
        labelled = _labelled(case, ALL)
        each = len(case.labels(ALL)), case.features(ALL).shape[1:-1].numel()
        owner = labelled.rows.numpy() // each[1]
        groups = np.asarray(case.groups(ALL))[owner].tolist()
        rows = []
        for seed in range(self.seeds):
            train, test = block_split(groups, test_fraction=self.test_fraction, seed=seed)
            train = train[cap_per_class(labelled.label[train].numpy(), self.max_per_class, seed=seed)]
            tally = self._tally(case, ALL, labelled.at(train), labelled.at(test))
            rows.append(tally.metrics())
        scores = [score_of(metric, [row[metric] for row in rows]) for metric in rows[0]]
        return [replace(score, split=ALL, interval="splits") for score in scores]

    def _tally(self, case: Case, split: str, train: _Labelled, asked: _Labelled) -> Tally:
        """Ask the neighbours of labelled positions of a split, and compare."""
        classes = max(len(case.classes), 1 + max(int(train.label.max()), int(asked.label.max())))
        share = probabilities(
            Rows(asked.features, asked.rows), Rows(train.features, train.rows), train.label,
            num_classes=classes, k=self.k, temperature=self.temperature, same_dtype=case.profile == REFERENCE,
        )  # fmt: skip
        score_NK = share.float().numpy()
        if case.task_type == "multilabel":
            return MultilabelTally(asked.label.numpy(), (share > 0.5).long().numpy(), score_NK)
        answer_N = share.argmax(-1).numpy()
        if case.task_type == "classification":
            return ClassTally(asked.label.numpy(), score_NK, answer_N)
        return _on_grid(case, split, asked.rows.numpy(), answer_N, classes)

    def predict(self, query: Tensor, train: Tensor, labels: np.ndarray, *, num_classes: int) -> np.ndarray:
        """Return the class with the largest vote for each query [N,D]."""
        label = torch.from_numpy(labels)
        share = probabilities(query, train, label, num_classes=num_classes, k=self.k, temperature=self.temperature)
        answer: np.ndarray = share.argmax(-1).numpy()
        return answer


def _on_grid(case: Case, split: str, rows: np.ndarray, answer_N: np.ndarray, classes: int) -> PixelTally:
    """Put the answers for patches where they belong and compare them with the labels, pixel by pixel if they are."""
    grid = tuple(case.features(split).shape[:3])
    answers, asked = np.zeros(np.prod(grid), np.int64), np.zeros(np.prod(grid), bool)
    answers[rows], asked[rows] = answer_N, True
    truth = case.labels(split)
    tall, wide = truth.shape[1] // grid[1], truth.shape[2] // grid[2]
    tally = PixelTally(classes)
    images = np.flatnonzero(asked.reshape(grid).any((1, 2)))
    for start in range(0, len(images), 64):
        here = images[start : start + 64]
        answer, known = (_blown_up(part.reshape(grid)[here], tall, wide) for part in (answers, asked))
        tally.add(np.where(known, truth[here], -1), answer)
    return tally


def _blown_up(grid: np.ndarray, tall: int, wide: int) -> np.ndarray:
    return grid.repeat(tall, axis=1).repeat(wide, axis=2)


def _labelled(case: Case, split: str) -> _Labelled:
    """Return the positions of a split with a label.

    Raises:
        DataError: labels do not fit the features, or nothing is labelled.
    """
    features, label = case.features(split), case.labels(split)
    if case.task_type == "segmentation":
        label = commonest(label, tuple(features.shape[:3]))
    elif len(label) != len(features) or label.ndim != 1 + (case.task_type == "multilabel"):
        raise DataError(f"{split}: labels {label.shape} do not fit features {tuple(features.shape)}.")
    flat = label if case.task_type == "multilabel" else label.ravel()
    known = np.flatnonzero((flat >= 0).all(-1) if flat.ndim == 2 else flat >= 0)
    if not known.size:
        raise DataError(f"{split}: none of the {len(flat)} positions has a label.")
    return _Labelled(features, torch.from_numpy(known), torch.from_numpy(flat[known].astype(np.int64)))


def commonest(label: np.ndarray, grid: tuple[int, ...]) -> np.ndarray:
    """Return labels [N,h,w] by patch of labels [N,H,W]: the commonest of each patch, -1 where none of it is known.

    Raises:
        DataError: the pixels do not divide into the patches.
    """
    if label.shape == grid:
        return label
    if label.ndim != 3 or len(label) != grid[0] or label.shape[1] % grid[1] or label.shape[2] % grid[2]:
        raise DataError(
            f"Labels have shape {label.shape}, but the features are on the grid {grid}. Labels are given per patch of "
            f"the task's patch_size, or per pixel with a whole number of pixels for each patch."
        )
    tall, wide = label.shape[1] // grid[1], label.shape[2] // grid[2]
    parts = label.reshape(grid[0], grid[1], tall, grid[2], wide).swapaxes(2, 3).reshape(*grid, tall * wide)

    best, most = np.full(grid, -1, np.int64), np.zeros(grid, np.int64)
    for value in np.unique(label[label >= 0]):
        here = (parts == value).sum(-1)
        best, most = np.where(here > most, value, best), np.maximum(most, here)
    return best
