"""Random convolutional features (MOSAIKS; Rolf et al. 2021, Nature Communications 12:4392).

Small random filters, a rectifier on either side of zero, and the mean over the visible pixels. Filters are drawn from a
normal distribution by a seed, not cut out of images: nothing is learnt.

feature = mean over pixels of max(0, +/- filter * image - bias)
"""

# B samples, N frames, H W pixels, h w cells, T steps, C bands, F filters, D width
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from olmoearth_baselines.image_statistics import images_only, joined
from olmoearth_baselines.prepare import frames, grid
from olmoearth_baselines.prepare.cells import cell_of
from olmoearth_baselines.prepare.network import FRAMES_PER_PASS
from olmoearth_baselines.prepare.scale import of_modality
from olmoearth_core import modalities as specs_of
from olmoearth_core.data.sample import Batch
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.wrapper import Embedder, Input, Needs, Wish, Wrapper


def random_convolutions(
    *,
    modalities: Sequence[str] = ("sentinel2_l2a", "sentinel1", "landsat"),
    filters: int = 128,
    side: int = 3,
    bias: float = 1.0,
    seed: int = 0,
) -> Wrapper:
    """Random filters, rectified and averaged; nothing is learnt.

    modalities: images that are looked at; those that a sample lacks are 0. filters: per modality; each gives two
    features. side: of a filter in pixels, odd. bias: what a response must exceed. seed: of the filters.
    """
    if not modalities or filters < 1 or side < 1 or side % 2 == 0:
        raise ConfigError(
            f"random_convolutions: expected modalities, filters of at least 1 and an odd side; "
            f"found {len(modalities)} modalities, {filters} filters of side {side}."
        )
    needs = Needs({name: Input((), "") for name in modalities})
    return _RandomConvolutions(tuple(modalities), filters, side, bias, seed, needs)


@dataclass
class _RandomConvolutions:
    modalities: tuple[str, ...]
    filters: int
    side: int
    bias: float
    seed: int
    needs: Needs
    name: str = "baselines.random_convolutions.v1"
    licence: str = "Apache-2.0"
    source: str = "olmoearth-baselines; filters are drawn from a seed"

    def open(self, *, device: torch.device) -> Embedder:
        """Draw the filters."""
        specs = images_only(specs_of(self.modalities))
        module, generator = nn.Module(), torch.Generator().manual_seed(self.seed)
        for spec in specs:
            shape = (self.filters, spec.num_bands, self.side, self.side)
            drawn = torch.randn(shape, generator=generator) / math.sqrt(spec.num_bands * self.side**2)
            module.register_buffer(spec.name, drawn)
        return FilterEmbedder(module.to(device), 2 * self.filters * len(specs), specs, self.bias)


@dataclass(frozen=True)
class FilterEmbedder:
    """Averages rectified responses of fixed filters."""

    module: nn.Module
    width: int
    specs: tuple[ModalitySpec, ...]
    bias: float

    def embed(self, batch: Batch, wish: Wish) -> Tensor:
        """Return features [B,D], or [B,h,w,D] on the task's grid."""
        grid.checked(wish.pooling, grid=wish.grid)
        drawn: Mapping[str, Tensor] = dict(self.module.named_buffers())
        parts = [self._one(batch, spec, drawn[spec.name], wish) for spec in self.specs]
        return joined(parts, [2 * len(drawn[spec.name]) for spec in self.specs], wish)

    def _one(self, batch: Batch, spec: ModalitySpec, filters_FCHW: Tensor, wish: Wish) -> Tensor | None:
        if spec.name not in batch.arrays:
            return None
        sensor = frames.Sensor(spec, spec.band_order, of_modality(spec, spec.band_order))
        height, width = batch.arrays[spec.name].shape[1:3]
        cell = cell_of(wish, spec, height, width)
        total = filters_FCHW.new_zeros(batch.size, height // cell[0], width // cell[1], 2 * len(filters_FCHW))
        count = total.new_zeros(*total.shape[:3], 1)
        there = frames.shown(batch, spec).any(-1)
        samples, steps = sensor.visible(batch).nonzero(as_tuple=True)
        for sample_N, step_N in frames.some_at_a_time(samples, steps, FRAMES_PER_PASS):
            images = sensor.images(batch, sample_N, step_N, normalize=wish.normalize)
            there_N1HW = there[sample_N, :, :, step_N].unsqueeze(1).to(images.dtype)
            answers = self._answers(images, filters_FCHW) * there_N1HW
            total = total.index_add(0, sample_N, _summed(answers, cell))
            count = count.index_add(0, sample_N, _summed(there_N1HW, cell))
        return total / count.clamp(min=1)

    def _answers(self, images_NCHW: Tensor, filters_FCHW: Tensor) -> Tensor:
        edge = filters_FCHW.shape[-1] // 2
        padded = pad(images_NCHW, (edge, edge, edge, edge), mode="replicate") if edge else images_NCHW
        answer = conv2d(padded, filters_FCHW)
        return torch.cat([(answer - self.bias).relu(), (-answer - self.bias).relu()], 1)


def _summed(values_NDHW: Tensor, cell: tuple[int, int]) -> Tensor:
    """Return sums over cells, [N,h,w,D]."""
    size, width, height, length = values_NDHW.shape
    cut = values_NDHW.reshape(size, width, height // cell[0], cell[0], length // cell[1], cell[1])
    return cut.sum((3, 5)).movedim(1, -1)
