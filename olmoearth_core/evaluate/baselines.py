"""What a trained model has to beat: features that nobody had to learn.

`pixels` describes a patch by its normalised values alone (mean, spread and month-by-month profile of every band);
`untrained` is the same architecture with the weights it would start from.
"""

# B samples, H W pixels, h w patches, T steps, C bands, M = 12 months
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from olmoearth_core.features.embed import Encode, Reading, batches, join, padded

if TYPE_CHECKING:
    from olmoearth_core.data.sample import Sample
    from olmoearth_core.interfaces.modality import ModalitySpec
    from olmoearth_core.interfaces.model import ModelRecipe

_MONTHS = 12


def untrained(recipe: ModelRecipe, specs: Sequence[ModalitySpec], *, seed: int) -> nn.Module:
    """Allocate a model from a seed; the caller's random state is left as it was."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        return recipe.build(specs)


def pixels(reading: Reading) -> Encode:
    """Return samples -> pixel statistics per patch [N,h,w,F], or of the whole sample [N,F] without a grid.

    F = 14 numbers per band of every spatial modality of the reading: mean and standard deviation over everything
    present in the patch, and the mean per calendar month (the overall mean where a month is absent).
    """

    def encode(samples: Sequence[Sample]) -> Tensor:
        samples = reading.scaled(samples)
        parts = [
            (at, _describe(padded([samples[i] for i in at], reading), reading)) for at in batches(samples, reading)
        ]
        return join(parts, len(samples))

    return encode


def _describe(samples: Sequence[Sample], reading: Reading) -> Tensor:
    first = samples[0]
    spatial = [spec for spec in reading.specs if spec.spatial]
    height, width = _grid(first, spatial, reading)
    parts = []
    for spec in spatial:
        if spec.name not in first.arrays:
            parts.append(torch.zeros(len(samples), height, width, spec.num_bands * (2 + _MONTHS)))
            continue
        side = reading.patch_size * max(1, spec.size_factor) if reading.grid else None
        parts.append(_statistics(samples, spec.name, side))
    features = torch.cat(parts, dim=-1)
    return features if reading.grid else features[:, 0, 0]


def _grid(sample: Sample, spatial: Sequence[ModalitySpec], reading: Reading) -> tuple[int, int]:
    if not reading.grid:
        return 1, 1
    spec = next(spec for spec in spatial if spec.name in sample.arrays)
    side = reading.patch_size * max(1, spec.size_factor)
    height, width = sample.arrays[spec.name].shape[:2]
    return height // side, width // side


def _statistics(samples: Sequence[Sample], name: str, side: int | None) -> Tensor:
    arrays = np.stack([s.arrays[name] for s in samples]).astype(np.float32)
    shown = np.stack([np.broadcast_to(s.presence[name], s.arrays[name].shape) for s in samples])
    values, there = _cut(torch.from_numpy(arrays), side), _cut(torch.from_numpy(shown), side).float()
    count = there.sum((3, 4))
    mean = (values * there).sum((3, 4)) / count.clamp(min=1)
    spread = (((values - mean[:, :, :, None, None]) ** 2 * there).sum((3, 4)) / count.clamp(min=1)).sqrt()
    profile = _profile(values, there, _months(samples, values.shape[4]), mean)
    return torch.cat([mean, spread, profile.flatten(3)], dim=-1)


def _cut(array_BHWTC: Tensor, side: int | None) -> Tensor:
    """Return [B,h,w,pixels of a patch,T,C]."""
    batch, height, width, steps, bands = array_BHWTC.shape
    rows, columns = (side, side) if side else (height, width)
    cut = array_BHWTC.reshape(batch, height // rows, rows, width // columns, columns, steps, bands)
    return cut.permute(0, 1, 3, 2, 4, 5, 6).flatten(3, 4)


def _months(samples: Sequence[Sample], steps: int) -> Tensor:
    """Return [B,T,M] one-hot months, all zero for a modality that has no time axis."""
    months = np.stack([s.timestamps[:, 1] for s in samples]).astype(np.int64)
    if months.shape[1] != steps:
        return torch.zeros(len(samples), steps, _MONTHS)
    return one_hot(torch.from_numpy(months), _MONTHS).float()


def _profile(values: Tensor, there: Tensor, month_BTM: Tensor, mean: Tensor) -> Tensor:
    """Return the mean per month [B,h,w,M,C]."""
    total = torch.einsum("bhwptc,btm->bhwmc", values * there, month_BTM)
    count = torch.einsum("bhwptc,btm->bhwmc", there, month_BTM)
    return torch.where(count > 0, total / count.clamp(min=1), mean[:, :, :, None, :])
