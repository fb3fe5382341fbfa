"""Blend each sample with another one of its batch (Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization")."""

# B samples
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from olmoearth_core.interfaces.masking import Draw
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.transform import Pixels, Transform
from olmoearth_plugins.transforms.partner import partner
from olmoearth_plugins.transforms.presence import beside, narrow
from olmoearth_plugins.transforms.symmetric_beta import check_alpha, symmetric_beta


def mixup(*, alpha: float = 1.0) -> Transform:
    """Describe value = (1 - share) * own + share * partner's, share ~ Beta(alpha, alpha), one per sample.

    The partner is the sample half a batch away. Where only one of the two has a value, the own one stays: what is
    absent stays absent and is never blended in. Modalities whose `resampling` is nearest (classes, lat/lon) are not
    averaged: they are the partner's where share >= 1/2. So are the timestamps.

    alpha: above 0; 1 = every share equally likely, smaller = mostly one of the two.

    Raises:
        ConfigError: an alpha that is not above 0.
    """
    check_alpha("olmoearth.mixup.v1", alpha)
    return _Mixup(alpha)


@dataclass(frozen=True)
class _Mixup:
    alpha: float

    def apply(self, pixels: Pixels, specs: Sequence[ModalitySpec], draw: Draw) -> Pixels:
        """Blend everything; presence is the sample's own."""
        share_B = symmetric_beta(draw("share", 2), self.alpha)
        nearer_B = share_B >= 0.5
        weights = {"bilinear": share_B, "nearest": nearer_B}
        arrays = {
            spec.name: _blend(pixels.arrays[spec.name], pixels.presence[spec.name], weights[spec.resampling])
            for spec in specs
            if spec.name in pixels.arrays
        }
        own = pixels.timestamps
        timestamps = torch.where(beside(nearer_B, own), partner(own), own)
        return replace(pixels, arrays={**pixels.arrays, **arrays}, timestamps=timestamps)


def _blend(own: Tensor, presence: Tensor, share_B: Tensor) -> Tensor:
    small = narrow(presence)
    both = small & partner(small)
    weight = beside(share_B, own).to(own.dtype) * both
    return torch.lerp(own, partner(own), weight)
