"""The patches of a batch as rows of a matrix, resized so that a requested patch fills the base patch.

Done once per modality and batch and kept in its memo: both views and the targets share the work. Whoever embeds
then gathers the few rows it wants.
"""

# B samples, H W patches, T steps, P pixels of a base patch, C bands
from __future__ import annotations

import torch
from torch import Tensor

from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import Segment
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_plugins.blocks.resize import resize


def patches(batch: Batch, spec: ModalitySpec, segment: Segment, max_patch_size: int) -> Tensor:
    """Return float32 [B*H*W*T, P, C]: token places of a modality (without the group axis) in layout order.

    A modality without rows and columns has patches of one pixel.
    """
    side = _side(spec, max_patch_size)
    key = _key(spec, segment, side)
    if key in batch.memo:
        return batch.memo[key]
    array = batch.arrays[spec.name]
    rows = _cut(array, segment, side) if spec.spatial else array.float().reshape(-1, 1, array.shape[-1])
    if not rows.requires_grad and not torch.is_inference(rows):
        batch.memo[key] = rows
    return rows


def is_cut(batch: Batch, spec: ModalitySpec, segment: Segment, max_patch_size: int) -> bool:
    """Whether `patches` has its answer already."""
    return _key(spec, segment, _side(spec, max_patch_size)) in batch.memo


def _side(spec: ModalitySpec, max_patch_size: int) -> int:
    return max_patch_size * spec.size_factor if spec.spatial else 1


def _key(spec: ModalitySpec, segment: Segment, side: int) -> tuple[object, ...]:
    return "patches", spec.name, side, segment.grid[:3]


def _cut(array_BHWTC: Tensor, segment: Segment, side: int) -> Tensor:
    rows, columns = segment.grid[:2]
    image = resize(array_BHWTC, rows * side, columns * side)
    batch, _, _, steps, bands = image.shape
    cut = image.view(batch, rows, side, columns, side, steps, bands)
    return cut.permute(0, 1, 3, 5, 2, 4, 6).reshape(-1, side * side, bands)
