"""What a model has to beat: mean, spread and percentiles of every band, over the visible pixels.

No weights, nothing learnt. Where a number would come from no visible pixel it is 0.
"""

# B samples, H W pixels, h w cells, T steps, C bands, K values of a cell, D width
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from olmoearth_baselines.prepare import grid
from olmoearth_baselines.prepare.cells import cell_of, cells
from olmoearth_baselines.prepare.frames import shown
from olmoearth_baselines.prepare.scale import of_modality
from olmoearth_core import modalities as specs_of
from olmoearth_core.data.sample import Batch
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.wrapper import Embedder, Input, Needs, Wish, Wrapper

PERCENTILES = (5.0, 25.0, 50.0, 75.0, 95.0)
PER_BAND = 2 + len(PERCENTILES)


def image_statistics(*, modalities: Sequence[str] = ("sentinel2_l2a", "sentinel1", "landsat")) -> Wrapper:
    """Mean, standard deviation and five percentiles of every band; nothing is learnt.

    modalities: images that are described, each by 7 numbers per band; those that a sample lacks are 0.
    """
    if not modalities:
        raise ConfigError("image_statistics: modalities is empty. Name at least one.")
    # No bands and no unit: it takes whatever is there, as it is.
    return _ImageStatistics(tuple(modalities), Needs({name: Input((), "") for name in modalities}))


@dataclass
class _ImageStatistics:
    modalities: tuple[str, ...]
    needs: Needs
    name: str = "baselines.image_statistics.v1"
    licence: str = "Apache-2.0"
    source: str = "olmoearth-baselines; there are no weights"

    def open(self, *, device: torch.device) -> Embedder:
        """Look the bands up; there is nothing to load."""
        specs = images_only(specs_of(self.modalities))
        return StatisticsEmbedder(nn.Identity().to(device), specs)


@dataclass(frozen=True)
class StatisticsEmbedder:
    """Describes the cells of a sample by their values."""

    module: nn.Module
    specs: tuple[ModalitySpec, ...]

    @property
    def width(self) -> int:
        """Seven numbers per band."""
        return PER_BAND * sum(spec.num_bands for spec in self.specs)

    def embed(self, batch: Batch, wish: Wish) -> Tensor:
        """Return features [B,D], or [B,h,w,D] on the task's grid."""
        grid.checked(wish.pooling, grid=wish.grid)
        parts = [self._one(batch, spec, wish) for spec in self.specs]
        return joined(parts, [PER_BAND * spec.num_bands for spec in self.specs], wish)

    def _one(self, batch: Batch, spec: ModalitySpec, wish: Wish) -> Tensor | None:
        if spec.name not in batch.arrays:
            return None
        values_BHWTC, there_BHWTC = batch.arrays[spec.name], shown(batch, spec)
        if wish.normalize:
            scale = of_modality(spec, spec.band_order)
            values_BHWTC = scale(values_BHWTC.movedim(-1, 2)).movedim(2, -1)
        rows, columns = cell_of(wish, spec, *values_BHWTC.shape[1:3])
        values_BhwCK = cells(values_BHWTC, rows, columns)
        return described(values_BhwCK, cells(there_BHWTC, rows, columns)).flatten(3)


def described(values_K: Tensor, there_K: Tensor) -> Tensor:
    """Return mean, deviation and percentiles over the last axis, of the values that are there; 0 where none is.

    Percentiles are interpolated between neighbours, as numpy's are.
    """
    count = there_K.sum(-1, keepdim=True)
    some = count.clamp(min=1)
    held_K = values_K.masked_fill(~there_K, 0.0)
    mean = held_K.sum(-1, keepdim=True) / some
    spread = ((held_K - mean).masked_fill(~there_K, 0.0).square().sum(-1, keepdim=True) / some).sqrt()
    ordered_K = values_K.masked_fill(~there_K, torch.inf).sort(-1).values
    place = torch.tensor(PERCENTILES, dtype=values_K.dtype, device=values_K.device) / 100 * (some - 1)
    low, high = (ordered_K.gather(-1, at.long()) for at in (place.floor(), place.ceil()))
    percentiles = torch.lerp(low, high, place - place.floor())
    return torch.cat([mean, spread, percentiles], -1).masked_fill(count == 0, 0.0)


def images_only(specs: Sequence[ModalitySpec]) -> tuple[ModalitySpec, ...]:
    """Return the modalities.

    Raises:
        ConfigError: one of them has no rows and columns.
    """
    flat = [spec.name for spec in specs if not spec.spatial]
    if flat:
        raise ConfigError(f"modalities: {', '.join(flat)} has no rows and columns. Name modalities of images.")
    return tuple(specs)


def joined(parts: Sequence[Tensor | None], widths: Sequence[int], wish: Wish) -> Tensor:
    """Put the features of modalities [B,h,w,D] side by side, 0 for absent ones, and pool them as wished.

    Raises:
        DataError: there are none.
    """
    here = next((part for part in parts if part is not None), None)
    if here is None:
        raise DataError("The samples carry none of the modalities that this baseline describes. Set `modalities`.")
    whole = [
        here.new_zeros(*here.shape[:3], width) if part is None else part
        for part, width in zip(parts, widths, strict=True)
    ]
    features = torch.cat(whole, -1)
    return features if wish.grid else grid.pooled(features, wish.pooling)
