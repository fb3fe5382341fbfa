"""What a batch looks like on the grid of one patch size: its layout, its codes per token, its counts.

What a user got wrong is turned into sentences here and in `olmoearth_core.data.fitting`. What only values can tell is
looked at where the batch does not say its counts, as the device is asked for those then anyway: a batch from a loader
costs no look.
"""

# B samples, H W pixels, T steps, S band groups
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from olmoearth_core.data.fitting import at_groups, check_batch, no_codes, refuse_uneven, uneven
from olmoearth_core.data.sample import Batch, ViewCounts
from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, TARGET_ONLY, Tokenization, TokenLayout
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec

Doubt = tuple[Tensor, DataError]
"""Whether something is wrong, as a tensor that nobody has waited for yet, and what to say then."""


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
        DataError: modalities the model does not know, arrays that patches do not divide, masks of another shape,
            values that no normalised array, mask or date has.
    """
    check_batch(batch, specs, raw=False)
    held = tuple(spec for spec in specs if spec.name in batch.arrays)
    rows, columns = _grid(batch, held, patch_size)
    layout = TokenLayout.of(held, tokenization, rows=rows, columns=columns, steps=batch.timestamps.shape[1])
    codes = {spec.name: _codes(batch, spec, tokenization, layout, patch_size) for spec in held}
    counts = batch.counts or count(codes, _doubts(batch, held, tokenization, codes))
    whole = {name: code.to(torch.int8) if code.is_floating_point() else code for name, code in codes.items()}
    return Reading(held, layout, whole, counts)


def count(codes: Mapping[str, Tensor], doubts: Sequence[Doubt] = ()) -> ViewCounts:
    """Count tokens per modality and sample; one device sync in all.

    Raises:
        DataError: the first of the doubts that is true.
    """
    flat = [c.flatten(1) for c in codes.values()]
    table = torch.stack([torch.stack([(c == code).sum(1) for code in (ENCODE, DECODE, MISSING)]) for c in flat])
    asked = torch.stack([table.new_tensor(0), *(true.to(table.dtype) for true, _ in doubts)])
    told = torch.cat([asked, table.flatten()]).tolist()
    for true, (_, error) in zip(told[1 : len(asked)], doubts, strict=True):
        if true:
            raise error
    samples = table.shape[-1]
    rows = [told[i : i + samples] for i in range(len(asked), len(told), max(samples, 1))] or [[] for _ in 3 * flat]
    per_name = {name: rows[3 * i : 3 * i + 3] for i, name in enumerate(codes)}
    return ViewCounts(
        encode={name: tuple(rows[0]) for name, rows in per_name.items()},
        decode={name: tuple(rows[1]) for name, rows in per_name.items()},
        present={n: tuple(c.shape[1] - k for k in per_name[n][2]) for n, c in zip(codes, flat, strict=True)},
    )


def _doubts(
    batch: Batch, specs: Sequence[ModalitySpec], tokenization: Tokenization, codes: Mapping[str, Tensor]
) -> list[Doubt]:
    """Return what may be wrong with the values of a batch."""
    doubts: list[Doubt] = []
    if not batch.timestamps.numel():
        return doubts
    day, month = batch.timestamps[..., 0], batch.timestamps[..., 1]
    dates = DataError(
        "timestamps: found a month outside 0 to 11 or a day outside 0 to 31, expected [B,T,3] = day 1 to 31, month 0 "
        "(January) to 11, year, in this order."
    )
    doubts.append((((month < 0) | (month > 11) | (day < 0) | (day > 31)).any(), dates))
    for spec in specs:
        code = codes[spec.name]
        strange = DataError(
            f"{spec.name}: found other numbers than the four codes in the mask, expected 0 shown, 1 hidden, 2 to be "
            "predicted, 3 missing."
        )
        doubts.append((no_codes(code), strange))
        odd = uneven(batch.masks[spec.name], spec, tokenization.groups(spec))
        if odd is not None:
            doubts.append((odd, refuse_uneven(spec.name)))
        # A sum is not finite where a value is not, and takes no memory for a mask of the array's size.
        infinite = ~batch.arrays[spec.name].sum(dtype=torch.float32).isfinite()
        doubts.append((infinite, _not_finite(spec.name)))
    return doubts


def _not_finite(name: str) -> DataError:
    return DataError(
        f"{name}: found NaN or infinite values in the array, expected normalised values, 0 where nothing was measured "
        "and 3 (missing) there in the mask. olmoearth_core.embed takes raw values with NaN and does both; else "
        "array.nan_to_num(0)."
    )


def _grid(batch: Batch, specs: Sequence[ModalitySpec], patch_size: int) -> tuple[int, int]:
    """Patches along rows and columns, equal for all spatial modalities."""
    grids = {}
    for spec in specs:
        array, side = batch.arrays[spec.name], patch_size * spec.size_factor
        if spec.spatial:
            grids[spec.name] = _patches(spec.name, (array.shape[1], array.shape[2]), side)
    if len(set(grids.values())) > 1:
        raise DataError(
            f"found patches of {grids} (rows, columns), expected the same for all modalities of a batch. Crop or "
            "resample them to one place."
        )
    return next(iter(grids.values()), (1, 1))


def _patches(name: str, size: tuple[int, int], side: int) -> tuple[int, int]:
    if size[0] % side or size[1] % side or not all(size):
        raise DataError(
            f"{name}: {size[0]} x {size[1]} pixels cannot be cut into patches of {side} x {side} pixels. "
            f"Crop or pad the input, or choose a patch size that divides it."
        )
    return size[0] // side, size[1] // side


def _codes(
    batch: Batch, spec: ModalitySpec, tokenization: Tokenization, layout: TokenLayout, patch_size: int
) -> Tensor:
    """Mask of one modality at token resolution: every pixel of a patch has the code of its top-left one."""
    given, shape = batch.masks.get(spec.name), layout[spec.name].shape
    if given is None:
        raise DataError(
            f"{spec.name}: the batch holds its array but not its mask. Give one, 0 where the encoder may look and 3 "
            "where nothing was measured, or call olmoearth_core.embed, which finds out what is there."
        )
    mask = at_groups(given, spec, tokenization.groups(spec))
    if tuple(mask.shape[1:]) == shape:
        return mask
    side = patch_size * spec.size_factor
    if spec.spatial and tuple(mask.shape[1:3]) == tuple(batch.arrays[spec.name].shape[1:3]):
        mask = mask[:, ::side, ::side]
    if tuple(mask.shape[1:]) != shape:
        raise DataError(
            f"{spec.name}: the mask has shape {tuple(given.shape)}, but patches of {side} pixels need "
            f"[B, {', '.join(map(str, shape))}], the last axis one code per band group (or per band, or left out), or "
            "the same at the resolution of the pixels."
        )
    return mask
