"""Which images of a batch are there, and how their features become those of the samples.

A step that the mask calls missing is never shown to a network and never counts in a mean: whatever stands in the
arrays there changes nothing.
"""

# B samples, N frames (visible images), H W pixels, T steps, C bands, S band groups
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_baselines.prepare.scale import Scale
from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import MISSING
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec


@dataclass(frozen=True)
class Sensor:
    """What a model takes of one modality.

    spec: the modality. bands: by name, in the model's order. scale: from raw values to the model's scale.
    """

    spec: ModalitySpec
    bands: tuple[str, ...]
    scale: Scale

    def visible(self, batch: Batch) -> Tensor:
        """Return which images have a pixel with a value in one of the model's bands: bool [B,T]."""
        return shown(batch, self.spec)[..., self._chosen()].any(-1).any(2).any(1)

    def images(self, batch: Batch, sample_N: Tensor, step_N: Tensor, *, normalize: bool) -> Tensor:
        """Return images [N,C,H,W] in the model's bands; missing pixels are 0 at the model's scale.

        normalize: bring values to the model's scale; False = they have been normalised already.
        """
        chosen = self._chosen()
        values = batch.arrays[self.spec.name][sample_N, :, :, step_N][..., chosen].movedim(-1, 1)
        there = shown(batch, self.spec)[sample_N, :, :, step_N][..., chosen].movedim(-1, 1)
        values = self.scale(values) if normalize else values
        return values.masked_fill(~there, 0.0)

    def _chosen(self) -> list[int]:
        return [self.spec.band_order.index(band) for band in self.bands]


def shown(batch: Batch, spec: ModalitySpec) -> Tensor:
    """Return which values of a modality are there: bool of its array's shape.

    Raises:
        DataError: the masks are not by band set.
    """
    array, mask = batch.arrays[spec.name], batch.masks[spec.name]
    if mask.shape[-1] != len(spec.band_sets):
        raise DataError(
            f"{spec.name}: the mask has {mask.shape[-1]} band groups, but the modality declares "
            f"{len(spec.band_sets)} band sets. Models from elsewhere are fed with masks by band set."
        )
    set_of = [i for i, band_set in enumerate(spec.band_sets) for _ in band_set.bands]
    there = (mask != MISSING)[..., set_of]
    if there.shape == array.shape:
        return there
    side = array.shape[1] // there.shape[1]
    return there.repeat_interleave(side, 1).repeat_interleave(side, 2)


def together(batch: Batch, sensors: Sequence[Sensor]) -> Iterator[tuple[list[Sensor], Tensor, Tensor]]:
    """Yield (sensors, sample [N], step [N]) of the dates at which exactly these sensors have an image."""
    seen = {sensor.spec.name: sensor.visible(batch) for sensor in sensors}
    code_BT = sum(seen[sensor.spec.name].long() << i for i, sensor in enumerate(sensors))
    assert isinstance(code_BT, Tensor)
    for code in range(1, 2 ** len(sensors)):
        sample_N, step_N = (code_BT == code).nonzero(as_tuple=True)
        if len(sample_N):
            yield [sensor for i, sensor in enumerate(sensors) if code >> i & 1], sample_N, step_N


def some_at_a_time(sample_N: Tensor, step_N: Tensor, most: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield frames in groups of at most so many."""
    for start in range(0, len(sample_N), most):
        yield sample_N[start : start + most], step_N[start : start + most]


def by_sample(values_N: Tensor, sample_N: Tensor, size: int, pooling: str) -> Tensor:
    """Return [B,…] pooled over the frames [N,…] of each sample; 0 for a sample without frames.

    pooling: "max", or anything else for the mean.
    """
    out = values_N.new_zeros(size, *values_N.shape[1:])
    index = sample_N.reshape(-1, *[1] * (values_N.dim() - 1)).expand_as(values_N)
    reduce = "amax" if pooling == "max" else "mean"
    return out.scatter_reduce(0, index, values_N, reduce, include_self=False)


def present(batch: Batch, sensors: Mapping[str, Sensor]) -> list[Sensor]:
    """Return the sensors whose modality the batch carries.

    Raises:
        DataError: a sample has no visible image of any of them.
    """
    here = [sensor for name, sensor in sensors.items() if name in batch.arrays]
    wanted = ", ".join(sensors)
    if not here:
        raise DataError(f"The samples carry {', '.join(batch.arrays) or 'nothing'}, but the model takes {wanted}.")
    seen_B = torch.stack([sensor.visible(batch).any(1) for sensor in here]).any(0)
    if not bool(seen_B.all()):
        raise DataError(f"{int((~seen_B).sum())} of {batch.size} samples have no visible image of {wanted}.")
    return here
