"""Maps have no up: turn and mirror the ground, all modalities of a sample alike."""

# B samples, H W pixels, T steps, C bands
from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.masking import Draw
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.transform import Pixels, Transform
from olmoearth_plugins.transforms.dihedral import NAMES, turned
from olmoearth_plugins.transforms.presence import narrow


def flip_and_rotate(*, legacy: bool = False) -> Transform:
    """Lay each sample's ground down in one of the eight ways, all equally likely.

    Modalities of any resolution stay aligned to the pixel; time series, lat/lon and timestamps stay as they are.

    legacy: one way for all samples of a rank, as the reference draws it (`random.choice` over the eight names). It
        then depends on the number of ranks.
    """
    return _FlipAndRotate(legacy)


def legacy_choice(generator: random.Random) -> int:
    """Draw a place in `NAMES` as the reference does from Python's generator."""
    return generator.choice(range(len(NAMES)))


@dataclass(frozen=True)
class _FlipAndRotate:
    legacy: bool

    def apply(self, pixels: Pixels, specs: Sequence[ModalitySpec], draw: Draw) -> Pixels:
        """Turn everything that has rows and columns."""
        element_B = self._elements(draw)
        spatial = [spec.name for spec in specs if spec.spatial and spec.name in pixels.arrays]
        _check_square(pixels, spatial)
        arrays = {name: turned(pixels.arrays[name], element_B) for name in spatial}
        presence = {name: _turned_presence(pixels.presence[name], element_B) for name in spatial}
        return replace(pixels, arrays={**pixels.arrays, **arrays}, presence={**pixels.presence, **presence})

    def _elements(self, draw: Draw) -> Tensor:
        if not self.legacy:
            return (draw("element", 1)[:, 0] * len(NAMES)).long()
        first_B = draw("legacy", 1)[:, 0]
        element = legacy_choice(random.Random(float(first_B[0])))
        return torch.full_like(first_B, element, dtype=torch.int64)


def _turned_presence(presence: Tensor, element_B: Tensor) -> Tensor:
    small = narrow(presence, axes=(3, 4))
    uniform = presence.stride()[1] == presence.stride()[2] == 0
    return presence if uniform else turned(small, element_B).expand(presence.shape)


def _check_square(pixels: Pixels, names: Sequence[str]) -> None:
    for name in names:
        height, width = pixels.arrays[name].shape[1:3]
        if height != width:
            raise DataError(
                f"olmoearth.flip_and_rotate.v1: {name} has {height} x {width} pixels; only squares can be turned. "
                "Set data_loader.token_budget, so that crops are square, or leave the transform out."
            )
