"""k nearest neighbours by cosine: how much of a label can be read off frozen features without training anything.

Each neighbour votes with exp(cosine / temperature). Several seeds are several spatial-block splits of the same
features; the interval says how much the score depends on the split.
"""

# N queries, M references, D width, K classes
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.interval import score_of
from olmoearth_core.evaluate.metrics import confusion, f1_per_class, from_confusion
from olmoearth_core.evaluate.splits import block_split, cap_per_class
from olmoearth_core.interfaces.evaluation import Benchmark, Evaluator, LabelledSample, Score

if TYPE_CHECKING:
    from olmoearth_core.evaluate.embed import Encode

_CHUNK = 2000


def knn(
    *,
    k: int = 20,
    temperature: float = 0.07,
    seeds: int = 5,
    test_fraction: float = 0.3,
    max_per_class: int | None = None,
) -> Evaluator:
    """Classify by weighted vote of the nearest training features.

    k: neighbours asked; all of them where there are fewer. temperature: smaller = the nearest decides.
    seeds: number of spatial-block splits; each gives one score. test_fraction: share of samples tested in each.
    max_per_class: references kept per class, drawn with the split's seed; null = all.
    """
    if k < 1 or seeds < 1 or temperature <= 0:
        raise ConfigError(
            f"knn: k and seeds must be at least 1 and temperature above 0; got {k}, {seeds}, {temperature}."
        )
    return _Knn(k, temperature, seeds, test_fraction, max_per_class)


def probabilities(
    query_ND: Tensor,
    train_MD: Tensor,
    train_label_M: Tensor,
    *,
    num_classes: int,
    k: int = 20,
    temperature: float = 0.07,
    skip_self: bool = False,
) -> Tensor:
    """Return [N, K]: the share of the vote of each class, float32.

    skip_self: leave out the nearest neighbour of each query, for references that are queried with themselves.
    """
    train_MD = normalize(train_MD.float(), dim=-1, eps=1e-8)
    votes_MK = one_hot(train_label_M.long(), num_classes).float()
    count = min(k + int(skip_self), len(train_MD))
    parts = (query_ND[start : start + _CHUNK] for start in range(0, len(query_ND), _CHUNK))
    return torch.cat([_vote(part, train_MD, votes_MK, count, temperature, skip_self) for part in parts])


def _vote(query_ND: Tensor, train_MD: Tensor, votes_MK: Tensor, k: int, temperature: float, skip: bool) -> Tensor:
    similarity_NM = normalize(query_ND.float(), dim=-1, eps=1e-8) @ train_MD.mT
    nearest_Nk, at_Nk = similarity_NM.topk(k, dim=-1)
    weight_Nk = (nearest_Nk[:, int(skip) :] / temperature).exp()
    score_NK = torch.einsum("nk,nkc->nc", weight_Nk, votes_MK[at_Nk[:, int(skip) :]])
    return score_NK / score_NK.sum(-1, keepdim=True).clamp(min=1e-8)


@dataclass
class _Knn:
    k: int
    temperature: float
    seeds: int
    test_fraction: float
    max_per_class: int | None
    name: str = "knn"

    def evaluate(self, encode: Encode, data: Sequence[LabelledSample], benchmark: Benchmark) -> dict[str, Score]:
        """Score on `seeds` spatial-block splits: mean, interval and one value per seed of each metric."""
        if benchmark.task_type not in ("classification", "segmentation"):
            raise ConfigError(
                f"knn cannot score the {benchmark.task_type} benchmark {benchmark.name}; it does classification "
                f"and segmentation (one label per patch)."
            )
        features, labels, groups = flatten(encode([d.sample for d in data]), data)
        num_classes = max(len(benchmark.classes), int(labels.max()) + 1)
        seen = "truth" if benchmark.task_type == "segmentation" else "seen"
        tables = [self._table(features, labels, groups, num_classes, seed) for seed in range(self.seeds)]
        each = [from_confusion(table, f1_over=seen) for table in tables]  # type: ignore[arg-type]
        details = {"f1": np.mean([f1_per_class(table) for table in tables], axis=0).round(6).tolist()}
        return {
            metric: score_of(metric, [row[metric] for row in each], details if metric == "macro_f1" else None)
            for metric in each[0]
        }

    def _table(
        self, features: Tensor, labels: np.ndarray, groups: np.ndarray, num_classes: int, seed: int
    ) -> np.ndarray:
        train, test = block_split(list(groups), test_fraction=self.test_fraction, seed=seed)
        train = train[cap_per_class(labels[train], self.max_per_class, seed=seed)]
        answer = self.predict(features[test], features[train], labels[train], num_classes=num_classes)
        return confusion(labels[test], answer, num_classes)

    def predict(self, query: Tensor, train: Tensor, labels: np.ndarray, *, num_classes: int) -> np.ndarray:
        """Return the class with the largest vote for each query [N, D]."""
        shares = probabilities(
            query, train, torch.from_numpy(labels), num_classes=num_classes, k=self.k, temperature=self.temperature
        )
        answer: np.ndarray = shares.argmax(-1).numpy()
        return answer


def flatten(features: Tensor, data: Sequence[LabelledSample]) -> tuple[Tensor, np.ndarray, np.ndarray]:
    """Return features [N,D], labels [N] and groups [N] of all labelled positions, samples in order, rows first.

    Raises:
        DataError: labels and features lie on different grids, or nothing is labelled.
    """
    labels = np.stack([d.label for d in data])
    if labels.shape != tuple(features.shape[:-1]):
        raise DataError(
            f"Labels have shape {labels.shape}, but the features are on the grid {tuple(features.shape[:-1])}. "
            f"The benchmark's labels must be given per patch of its patch_size."
        )
    groups = np.repeat([d.group for d in data], labels[0].size)
    valid = np.flatnonzero(labels.ravel() >= 0)
    if not valid.size:
        raise DataError(f"None of the {labels.size} positions of this benchmark has a label.")
    return features.flatten(0, -2)[valid], labels.ravel()[valid], groups[valid]
