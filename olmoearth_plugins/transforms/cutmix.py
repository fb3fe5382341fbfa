"""Put a piece of another sample's ground into each sample (Yun et al. 2019, "CutMix").

The piece is a rectangle of whole patches, so no token shows two places.
"""

# B samples, H W pixels, T steps, C bands, P patches along a side
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


def cutmix(*, alpha: float = 1.0) -> Transform:
    """Replace a rectangle of patches by the partner's, share of the area ~ Beta(alpha, alpha), one per sample.

    The partner is the sample half a batch away. Inside the rectangle values and presence are the partner's, in all
    spatial modalities at their own resolution. What lies nowhere (timestamps, time series, lat/lon) is that of
    the one who has more of the area, the partner if both have half.

    alpha: above 0; 1 = every share equally likely, smaller = mostly one of the two.

    Raises:
        ConfigError: an alpha that is not above 0.
    """
    check_alpha("olmoearth.cutmix.v1", alpha)
    return _CutMix(alpha)


@dataclass(frozen=True)
class _CutMix:
    alpha: float

    def apply(self, pixels: Pixels, specs: Sequence[ModalitySpec], draw: Draw) -> Pixels:
        """Cut one rectangle per sample out of all that has rows and columns."""
        there = [spec for spec in specs if spec.name in pixels.arrays]
        inside_BPP = rectangles(_patches(pixels, there), draw, self.alpha)
        mostly_B = inside_BPP.float().mean((1, 2)) >= 0.5
        arrays, presence = dict(pixels.arrays), dict(pixels.presence)
        for spec in there:
            own, taken = arrays[spec.name], mostly_B
            if spec.spatial:
                side = pixels.patch_size * spec.size_factor
                taken = inside_BPP.repeat_interleave(side, 1).repeat_interleave(side, 2)
            arrays[spec.name] = torch.where(beside(taken, own), partner(own), own)
            small = narrow(presence[spec.name])
            presence[spec.name] = torch.where(beside(taken, own), partner(small), small).expand(own.shape)
        own = pixels.timestamps
        return replace(pixels, arrays=arrays, presence=presence,
                       timestamps=torch.where(beside(mostly_B, own), partner(own), own))  # fmt: skip


def rectangles(size: tuple[int, int], draw: Draw, alpha: float) -> Tensor:
    """Draw which patches of each sample are replaced, bool [B,P,P]; both sides are sqrt(share) of the whole.

    size: rows and columns of patches.
    """
    share_B, corner_B2 = symmetric_beta(draw("share", 2), alpha), draw("corner", 2)
    rows_BP, columns_BP = (_stretch(count, share_B.sqrt(), corner_B2[:, axis]) for axis, count in enumerate(size))
    return rows_BP[:, :, None] & columns_BP[:, None, :]


def _stretch(count: int, share_B: Tensor, corner_B: Tensor) -> Tensor:
    length_B = torch.floor(count * share_B + 0.5)
    first_B = torch.floor(corner_B * (count - length_B + 1))
    places_P = torch.arange(count, device=share_B.device)
    return (places_P >= first_B[:, None]) & (places_P < (first_B + length_B)[:, None])


def _patches(pixels: Pixels, specs: Sequence[ModalitySpec]) -> tuple[int, int]:
    spec = next(spec for spec in specs if spec.spatial)
    side = pixels.patch_size * spec.size_factor
    height, width = pixels.arrays[spec.name].shape[1:3]
    return height // side, width // side
