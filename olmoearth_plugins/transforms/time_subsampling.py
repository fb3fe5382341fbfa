"""Hide whole time steps, as if clouds or a gap in the archive had."""

# B samples, T steps
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.interfaces.masking import Draw
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.transform import Pixels, Transform
from olmoearth_plugins.transforms.hiding import check_min_kept, check_rate, chosen, hide, kept, rates, some_step

_NAME = "olmoearth.time_subsampling.v1"


def time_subsampling(
    *, rate: float = 0.5, random: bool = True, min_kept: int = 1, modalities: list[str] | None = None
) -> Transform:
    """Hide time steps of each sample, the same ones in all its modalities.

    rate: probability that a step is hidden; with random its upper end, drawn per sample.
    min_kept: steps that stay in any case, of those at which one of the modalities has a value.
    modalities: which of them are hidden; null = all that vary in time.

    Raises:
        ConfigError: a rate outside of 0…1, or a negative number of steps.
    """
    check_rate(_NAME, rate)
    check_min_kept(_NAME, min_kept)
    return _TimeSubsampling(rate, random, min_kept, modalities)


@dataclass(frozen=True)
class _TimeSubsampling:
    rate: float
    random: bool
    min_kept: int
    modalities: list[str] | None

    def apply(self, pixels: Pixels, specs: Sequence[ModalitySpec], draw: Draw) -> Pixels:
        """Hide the steps that lose their lot."""
        names = [
            spec.name
            for spec in specs
            if spec.multitemporal and spec.name in pixels.arrays and chosen(spec.name, self.modalities)
        ]
        if not names:
            return pixels
        there_BT = torch.stack([some_step(pixels.presence[name]) for name in names]).any(0)
        rate_B1 = rates(draw, "rate", self.rate, random=self.random)
        keep_BT = kept(draw("steps", there_BT.shape[1]), there_BT, rate_B1, self.min_kept)
        return hide(pixels, {name: _laid(keep_BT, pixels.arrays[name]) for name in names})


def _laid(keep_BT: Tensor, array: Tensor) -> Tensor:
    return keep_BT.reshape(len(keep_BT), *[1] * (array.dim() - 3), -1, 1)
