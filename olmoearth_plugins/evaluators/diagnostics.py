"""What features look like, without any label: how many directions they use, how they spread, how alike they are.

Collapsed features have an effective rank near 1 and cosines near 1. Of dense features the spread between images and
that within an image are told apart.
"""

# N images, M patches of an image, D width
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.evaluation import ALL, DENSE, Case, Evaluator, Score


def embedding_diagnostics(
    *, pairwise_samples: int = 2048, svd_samples: int = 4096, intra_images: int = 256, seed: int = 42
) -> Evaluator:
    """Describe the features of the training split; no labels are read.

    pairwise_samples: features of which every pair is compared, at most. svd_samples: features whose rank and norms are
    taken, at most. intra_images: images looked into, at most. seed: of the random subsets, where there are more.
    """
    if min(pairwise_samples, svd_samples, intra_images) < 2:
        raise ConfigError(
            f"embedding_diagnostics: each number of samples must be at least 2; got {pairwise_samples}, {svd_samples}, "
            f"{intra_images}."
        )
    return _Diagnostics(pairwise_samples, svd_samples, intra_images, seed)


def describe(features_ND: Tensor, *, pairwise: int = 2048, most: int = 4096, seed: int = 42) -> dict[str, float]:
    """Return statistics of features [N,D], computed in float32; {} for fewer than two, no pairs for fewer than four.

    effective_rank: exp of the entropy of the singular values, uncentred (Roy and Vetterli 2007). uniformity: log mean
    of exp(-2 |a - b|^2) over pairs of unit vectors (Wang and Isola 2020). cosine_sim_*: over the same pairs.
    norm_*: of the lengths. Standard deviations are unbiased.
    """
    if len(features_ND) < 2:
        return {}
    rows = _subset(features_ND, most, seed)
    norms = rows.norm(dim=-1)
    found = {"effective_rank": _effective_rank(rows), **_spread("norm", norms)}
    found |= {"embedding_dim": float(rows.shape[-1]), "num_samples": float(len(features_ND))}
    return found | (_pairs(_subset(features_ND, pairwise, seed)) if len(features_ND) >= 4 else {})


def describe_grid(
    features_NhwD: Tensor, *, pairwise: int = 2048, most: int = 4096, images: int = 256, seed: int = 42
) -> dict[str, float]:
    """Return statistics of all patches (global_), of the means of images (inter_) and within images (intra_).

    {} for fewer than two images. The features may be in a file: subsets and means are taken in blocks.
    """
    if len(features_NhwD) < 2:
        return {}
    patches = _subset(features_NhwD.flatten(0, -2), most, seed)
    flat = features_NhwD.flatten(1, -2)
    means = torch.cat([part.float().mean(1) for part in torch.split(flat, 64)])
    parts = {
        "global": describe(patches, pairwise=pairwise, most=most, seed=seed),
        "inter": describe(means, pairwise=pairwise, most=most, seed=seed),
        "intra": _within(_subset(flat, images, seed)),
    }
    return {f"{part}_{name}": value for part, found in parts.items() for name, value in found.items()}


@dataclass
class _Diagnostics:
    pairwise: int
    most: int
    images: int
    seed: int
    name: str = "embedding_diagnostics"
    needs_labels: bool = False

    def evaluate(self, case: Case) -> list[Score]:
        """Return one score per statistic, without intervals; details give the number of features."""
        split = "train" if "train" in case.splits else ALL
        features = case.features(split)
        if case.task_type in DENSE:
            found = describe_grid(features, pairwise=self.pairwise, most=self.most, images=self.images, seed=self.seed)
        else:
            found = describe(features, pairwise=self.pairwise, most=self.most, seed=self.seed)
        details: Mapping[str, int] = {"samples": len(features)}
        return [Score(name, value, details=details, split=split) for name, value in found.items()]


def _subset(rows: Tensor, most: int, seed: int) -> Tensor:
    """Return at most `most` rows, float32, in their order."""
    if len(rows) <= most:
        return rows.float()
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    return rows[order[:most].sort().values].float()


def _effective_rank(rows: Tensor) -> float:
    values = torch.linalg.svdvals(rows)
    positive = values[values > 0]
    if not len(positive):
        return 0.0
    share = positive / positive.sum()
    return float((-(share * share.log()).sum()).exp())


def _pairs(rows: Tensor) -> dict[str, float]:
    if not bool(rows.any()):
        return {"uniformity": 0.0, **{f"cosine_sim_{kind}": 0.0 for kind in ("mean", "std", "min", "max")}}
    unit = normalize(rows, dim=-1)
    first, second = torch.triu_indices(len(unit), len(unit), offset=1)
    cosine = (unit @ unit.mT)[first, second]
    square = unit.square().sum(-1)
    apart = (square[first] + square[second] - 2 * cosine).clamp(min=0)
    return {"uniformity": float((-2 * apart).exp().mean().log()), **_spread("cosine_sim", cosine)}


def _within(images: Tensor) -> dict[str, float]:
    """Return averages over images of what holds between the patches [N,M,D] of each."""
    count = images.shape[1]
    if count < 2:
        return {}
    first, second = torch.triu_indices(count, count, offset=1)
    found: list[Tensor] = []
    for image in torch.split(images, 16):
        unit = normalize(image, dim=-1)
        cosine = (unit @ unit.mT)[:, first, second]
        std = cosine.std(-1) if len(first) > 1 else torch.zeros(len(image))
        found.append(torch.stack([cosine.mean(-1), std, image.norm(dim=-1).std(-1)]))
    mean, std, norm = torch.cat(found, -1).mean(-1).tolist()
    return {"cosine_sim_mean": mean, "cosine_sim_std": std, "norm_std": norm,
            "num_patches": float(count), "num_images_sampled": float(len(images))}  # fmt: skip


def _spread(name: str, values: Tensor) -> dict[str, float]:
    return {
        f"{name}_mean": float(values.mean()),
        f"{name}_std": float(values.std()),
        f"{name}_min": float(values.min()),
        f"{name}_max": float(values.max()),
    }
