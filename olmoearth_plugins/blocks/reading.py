"""What a batch looks like on the grid of one patch size: its layout, its codes per token, its counts.

The one place where shapes that a user got wrong are turned into sentences.
"""

# B samples, H W pixels, T steps, S band groups
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from olmoearth_core.data.sample import Batch, ViewCounts
from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, TARGET_ONLY, Tokenization, TokenLayout
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec


@dataclass(frozen=True)
class Reading:
    """A batch on its token grid. specs: those of its modalities; codes: masks at token resolution."""

    specs: tuple[ModalitySpec, ...]
    layout: TokenLayout
    codes: Mapping[str, Tensor]
    counts: ViewCounts

    def only(self, names: Collection[str]) -> Reading:
        """Hide all modalities but these from the encoder: what it would see counts as seen by targets only.

        Raises:
            DataError: none of them is in the batch.
        """
        held = self.layout.names
        if not set(held) & set(names):
            raise DataError(
                f"the batch holds {', '.join(held)}, but this encoder takes only {', '.join(names)} as input. Add one "
                f"of them, or set the encoder's input_modalities to None."
            )
        codes = {
            name: c if name in names else torch.where(c == ENCODE, TARGET_ONLY, c).to(c.dtype)
            for name, c in self.codes.items()
        }
        encode = {n: row if n in names else (0,) * len(row) for n, row in self.counts.encode.items()}
        return replace(self, codes=codes, counts=replace(self.counts, encode=encode))


def read(batch: Batch, specs: Sequence[ModalitySpec], tokenization: Tokenization, patch_size: int) -> Reading:
    """Lay out a batch and bring its masks to token resolution.

    Raises:
        DataError: modalities the model does not know, arrays that patches do not divide, masks of another shape.
    """
    known = {spec.name for spec in specs}
    strange = [name for name in batch.arrays if name not in known]
    if strange or not batch.arrays:
        raise DataError(f"the batch holds {list(batch.arrays)}, but this model was built for {sorted(known)}.")
    held = tuple(spec for spec in specs if spec.name in batch.arrays)
    rows, columns = _grid(batch, held, patch_size)
    layout = TokenLayout.of(held, tokenization, rows=rows, columns=columns, steps=batch.timestamps.shape[1])
    codes = {spec.name: _codes(batch, spec, layout, patch_size) for spec in held}
    return Reading(held, layout, codes, batch.counts or count(codes))


def count(codes: Mapping[str, Tensor]) -> ViewCounts:
    """Count tokens per modality and sample; one device sync in all."""
    flat = [c.flatten(1) for c in codes.values()]
    table = torch.stack([torch.stack([(c == code).sum(1) for code in (ENCODE, DECODE, MISSING)]) for c in flat])
    per_name = dict(zip(codes, table.tolist(), strict=True))
    return ViewCounts(
        encode={name: tuple(rows[0]) for name, rows in per_name.items()},
        decode={name: tuple(rows[1]) for name, rows in per_name.items()},
        present={n: tuple(c.shape[1] - k for k in per_name[n][2]) for n, c in zip(codes, flat, strict=True)},
    )


def _grid(batch: Batch, specs: Sequence[ModalitySpec], patch_size: int) -> tuple[int, int]:
    """Patches along rows and columns, equal for all spatial modalities."""
    grids = {}
    for spec in specs:
        array, side = batch.arrays[spec.name], patch_size * spec.size_factor
        axes = {"space_time": 5, "space": 5, "time": 3, "static": 2}[spec.kind]
        if array.ndim != axes or array.shape[-1] != spec.num_bands:
            raise DataError(
                f"{spec.name}: the array has shape {tuple(array.shape)}, but a {spec.kind} modality with "
                f"{spec.num_bands} bands needs {axes} axes, the last of length {spec.num_bands}."
            )
        steps = {"space_time": 3, "time": 1}.get(spec.kind)
        if steps is not None and array.shape[steps] != batch.timestamps.shape[1]:
            raise DataError(
                f"{spec.name}: the array has {array.shape[steps]} time steps, "
                f"the timestamps {batch.timestamps.shape[1]}."
            )
        if spec.spatial:
            grids[spec.name] = _patches(spec.name, (array.shape[1], array.shape[2]), side)
    if len(set(grids.values())) > 1:
        raise DataError(f"modalities of one batch must cover the same patches, but they have {grids} (rows, columns).")
    return next(iter(grids.values()), (1, 1))


def _patches(name: str, size: tuple[int, int], side: int) -> tuple[int, int]:
    if size[0] % side or size[1] % side or not all(size):
        raise DataError(
            f"{name}: {size[0]} x {size[1]} pixels cannot be cut into patches of {side} x {side} pixels. "
            f"Crop or pad the input, or choose a patch size that divides it."
        )
    return size[0] // side, size[1] // side


def _codes(batch: Batch, spec: ModalitySpec, layout: TokenLayout, patch_size: int) -> Tensor:
    """Mask of one modality at token resolution: every pixel of a patch has the code of its top-left one."""
    mask, shape = batch.masks.get(spec.name), layout[spec.name].shape
    if mask is None:
        raise DataError(f"{spec.name}: the batch holds its array but not its mask.")
    if tuple(mask.shape[1:]) == shape:
        return mask
    side = patch_size * spec.size_factor
    if spec.spatial and tuple(mask.shape[1:3]) == tuple(batch.arrays[spec.name].shape[1:3]):
        mask = mask[:, ::side, ::side]
    if tuple(mask.shape[1:]) != shape:
        raise DataError(
            f"{spec.name}: the mask has shape {tuple(batch.masks[spec.name].shape)}, but patches of {side} pixels need "
            f"[B, {', '.join(map(str, shape))}] (or the same at the resolution of the pixels)."
        )
    return mask
