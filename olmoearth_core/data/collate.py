"""From samples to a batch: stacking, and which tokens are there.

Presence stays as small as it is: a batch's presence tensors have the shape of their arrays, but axes along which
no sample varies are expanded views (stride 0), and the rules below look at one entry of such an axis only.
"""

# B samples, H W pixels or patches, T steps, C bands, S band groups
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from olmoearth_core.data.sample import Batch, Sample, ViewCounts
from olmoearth_core.data.tokens import ENCODE, MISSING, Tokenization, TokenLayout
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec

_ALIGNED = 32
"""Elements from one modality's memory to the next are a multiple of this: 64 bytes in float16."""
BandGap = Literal["zero_band", "drop_token"]


def collate(samples: Sequence[Sample]) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
    """Stack samples of equal shape: arrays [B, …], presence (bool, of the arrays' shapes) and timestamps [B,T,3].

    Presence may be an expanded view: never write into it.

    Raises:
        DataError: samples differ in modalities or shapes.
    """
    _check_alike(samples)
    names = samples[0].arrays
    arrays = _stack({name: [s.arrays[name] for s in samples] for name in names})
    presence = {name: _stack_presence([s.presence[name] for s in samples], arrays[name]) for name in names}
    return arrays, presence, torch.from_numpy(np.stack([s.timestamps for s in samples]))


def token_presence(
    presence: Mapping[str, Tensor],
    specs: Sequence[ModalitySpec],
    tokenization: Tokenization,
    patch_size: int,
    band_gap: BandGap,
) -> dict[str, Tensor]:
    """Return which tokens are there: bool [B,H,W,T,S], [B,T,S] or [B,S] at token resolution.

    presence: bool of the arrays' shapes, at pixel resolution. patch_size: grid pixels along a patch's side.
    band_gap: "zero_band" = any band of the group is there in at least half of the patch's pixels;
    "drop_token" = every band of the group is there in the patch's top-left pixel.
    """
    if band_gap not in ("zero_band", "drop_token"):
        raise DataError(f"band_gap = {band_gap!r}: expected zero_band or drop_token.")
    return {
        spec.name: _tokens(presence[spec.name], spec, tokenization, patch_size, band_gap)
        for spec in specs
        if spec.name in presence
    }


def batch_of(
    samples: Sequence[Sample],
    specs: Sequence[ModalitySpec],
    tokenization: Tokenization,
    *,
    patch_size: int,
    band_gap: BandGap,
) -> Batch:
    """Make a batch in which everything that is there is shown to the encoder, for evaluation and inference.

    Modalities that the samples do not carry are left out.
    """
    arrays, presence, timestamps = collate(samples)
    there = token_presence(presence, specs, tokenization, patch_size, band_gap)
    masks = {name: torch.where(here, ENCODE, MISSING).to(torch.int8) for name, here in there.items()}
    return Batch({name: arrays[name] for name in masks}, masks, timestamps, ViewCounts.of(masks))


def layout_of(
    specs: Sequence[ModalitySpec], tokenization: Tokenization, there: Mapping[str, Tensor], steps: int
) -> TokenLayout:
    """Lay out the tokens of a batch whose token presence is known."""
    spatial = next(there[spec.name] for spec in specs if spec.spatial)
    return TokenLayout.of(specs, tokenization, rows=spatial.shape[1], columns=spatial.shape[2], steps=steps)


def _tokens(
    presence: Tensor, spec: ModalitySpec, tokenization: Tokenization, patch_size: int, band_gap: BandGap
) -> Tensor:
    groups = tokenization.groups(spec)
    shape = list(presence.shape)
    if spec.spatial:
        side = patch_size * spec.size_factor
        if shape[1] % side or shape[2] % side:
            raise DataError(
                f"{spec.name}: {shape[1]} x {shape[2]} pixels cannot be cut into patches of {side} pixels. Crop or pad "
                "them, or choose a patch size that divides them."
            )
        shape[1], shape[2] = shape[1] // side, shape[2] // side
    shape[-1] = len(groups)
    small = _narrow(presence)
    there = _groups(small, groups, every=band_gap == "drop_token")
    if spec.spatial:
        there = _patches(there, side, corner=band_gap == "drop_token")
    return there.expand(shape)


def _narrow(presence: Tensor) -> Tensor:
    """Keep one entry of every axis that is an expanded view."""
    for axis, stride in enumerate(presence.stride()):
        if stride == 0 and presence.shape[axis] > 1 and axis > 0:
            presence = presence.narrow(axis, 0, 1)
    return presence


def _groups(small: Tensor, groups: Sequence[Sequence[int]], *, every: bool) -> Tensor:
    if small.shape[-1] == 1:
        return small
    parts = [small[..., list(group)] for group in groups]
    return torch.stack([p.all(-1) if every else p.any(-1) for p in parts], dim=-1)


def _patches(there: Tensor, side: int, *, corner: bool) -> Tensor:
    rows, columns = (1 if there.shape[axis] == 1 else side for axis in (1, 2))
    if corner:
        return there[:, ::rows, ::columns]
    if rows == columns == 1:
        return there
    tiles = there.unfold(1, rows, rows).unfold(2, columns, columns)
    return tiles.float().mean((-2, -1)) >= 0.5


def packed(parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy tensors of one dtype into one piece of memory: a worker then sends one file handle, not one per modality."""
    flat = torch.cat([part.reshape(-1) for part in parts.values()])
    pieces = torch.split(flat, [part.numel() for part in parts.values()])
    return {name: piece.view(part.shape) for (name, part), piece in zip(parts.items(), pieces, strict=True)}


def together(arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy arrays that were made one by one into one piece of memory, as `collate` lays them out."""
    out = _memory({name: tuple(a.shape) for name, a in arrays.items()}, next(iter(arrays.values())).dtype)
    for name, array in arrays.items():
        out[name].copy_(array)
    return out


def _stack(parts: Mapping[str, Sequence[np.ndarray]]) -> dict[str, Tensor]:
    shapes = {name: (len(rows), *rows[0].shape) for name, rows in parts.items()}
    out = _memory(shapes, torch.from_numpy(next(iter(parts.values()))[0]).dtype)
    for name, rows in parts.items():
        np.stack(rows, out=out[name].numpy())
    return out


def _memory(shapes: Mapping[str, tuple[int, ...]], dtype: torch.dtype) -> dict[str, Tensor]:
    """Room for all modalities in one piece of memory, as above, each from a multiple of 64 bytes on."""
    sizes = {name: -(-math.prod(shape) // _ALIGNED) * _ALIGNED for name, shape in shapes.items()}
    memory = _room(sum(sizes.values()), dtype)
    # Slices of one tensor: tensors made anew from the same array would each be sent with all of its memory.
    pieces = torch.split(memory, list(sizes.values()))
    return {
        name: piece[: math.prod(shape)].view(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)
    }


def _room(count: int, dtype: torch.dtype) -> Tensor:
    """Memory that a worker shares with the trainer from the start, as torch's own collate does: sent without a copy."""
    if get_worker_info() is None:
        return torch.empty(count, dtype=dtype)
    storage: torch.UntypedStorage = torch.UntypedStorage._new_shared(count * dtype.itemsize)  # type: ignore[no-untyped-call]
    return torch.empty(0, dtype=dtype).set_(storage, 0, torch.Size([count]), (1,))


def _stack_presence(parts: Sequence[np.ndarray], like: Tensor) -> Tensor:
    shape = tuple(map(max, zip(*(p.shape for p in parts), strict=True)))
    out = np.empty((len(parts), *shape), dtype=bool)
    for row, part in zip(out, parts, strict=True):
        row[...] = part
    return torch.from_numpy(out).expand(like.shape)


def _check_alike(samples: Sequence[Sample]) -> None:
    if not samples:
        raise DataError("a batch needs at least one sample.")
    expected = {name: a.shape for name, a in samples[0].arrays.items()}
    for sample in samples[1:]:
        found = {name: a.shape for name, a in sample.arrays.items()}
        if found != expected or sample.timestamps.shape != samples[0].timestamps.shape:
            raise DataError(
                f"sample {sample.index} has the arrays {found}, sample {samples[0].index} has {expected}: "
                "they cannot be stacked. Crop them alike, or give each a batch of its own."
            )
