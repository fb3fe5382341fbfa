"""Whether what a user calls a batch is one that a model can take: types, shapes, and masks as they are found.

Everything here is read off shapes and types, so it costs nothing and no device is waited for.
"""

# B samples, H W pixels, T steps, C bands, S band groups
from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import ENCODE, MISSING
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.names import closest

AXES = {"space_time": "[B,H,W,T,C]", "space": "[B,H,W,1,C]", "time": "[B,T,C]", "static": "[B,C]"}
_STEPS = {"space_time": 3, "time": 1}


def whole_patch_size(patch_size: Any) -> int:
    """Return a patch size as an int.

    Raises:
        DataError: it is no whole number of at least 1.
    """
    if isinstance(patch_size, bool) or not isinstance(patch_size, Integral) or patch_size < 1:
        raise DataError(
            f"patch_size: found {patch_size!r} ({type(patch_size).__name__}), expected a whole number of pixels of at "
            "least 1, such as 4."
        )
    return int(patch_size)


def require_batch(batch: Any) -> None:
    """Refuse what is no batch.

    Raises:
        DataError: naming the type that was found.
    """
    if not isinstance(batch, Batch):
        raise DataError(
            f"found a {type(batch).__name__}, expected a Batch(arrays={{...}}, masks={{...}}, timestamps=...)."
        )


def check_batch(batch: Any, specs: Sequence[ModalitySpec], *, raw: bool) -> None:
    """Refuse a batch that does not fit itself or the modalities of a model.

    raw: values are in units of their modality, of any real type, and a map [B,H,W,C] may lack its one step; else they
    are normalised, so that whole numbers are a mistake. How patches fit is not looked at.

    Raises:
        DataError: naming the modality, what was found, what was expected and what to do.
    """
    require_batch(batch)
    known = {spec.name: spec for spec in specs}
    _check_parts(batch, tuple(known))
    _check_timestamps(batch.timestamps)
    for name, array in batch.arrays.items():
        _check_array(array, known[name], batch, raw=raw)
    for name, mask in batch.masks.items():
        _check_mask(name, mask, batch)


def at_groups(mask: Tensor, spec: ModalitySpec, groups: Sequence[Sequence[int]]) -> Tensor:
    """Return a mask whose last axis is band groups, from one that has bands there or no such axis.

    A mask of bands says the code of a group by the group's first band; `uneven` finds where the others disagree.
    """
    if mask.ndim == len(AXES[spec.kind].split(",")) - 1:
        return mask.unsqueeze(-1).expand(*mask.shape, len(groups))
    if mask.shape[-1] == spec.num_bands != len(groups):
        return mask[..., [group[0] for group in groups]]
    return mask


def uneven(mask: Tensor, spec: ModalitySpec, groups: Sequence[Sequence[int]]) -> Tensor | None:
    """Return, as a tensor of one bool, whether bands of one group have different codes; None = it has no bands."""
    if mask.ndim < len(AXES[spec.kind].split(",")) or not mask.shape[-1] == spec.num_bands != len(groups):
        return None
    return torch.stack([(mask[..., list(group)] != mask[..., group[:1]]).any() for group in groups]).any()


def no_codes(mask: Tensor) -> Tensor:
    """Return, as a tensor of one bool, whether a mask holds anything but the codes 0 to 3."""
    outside = (mask < ENCODE) | (mask > MISSING)
    return (outside | (mask != mask.floor()) if mask.is_floating_point() else outside).any()


def refuse_uneven(name: str) -> DataError:
    """Return the error for a mask of bands of which some of one token have different codes."""
    return DataError(
        f"{name}: found a mask with one code per band, and bands of one token with different codes, expected one code "
        "per token. Give a mask per band group; bands that were not measured are 0 in a normalised array, NaN in a "
        "raw one."
    )


def _check_parts(batch: Batch, known: Sequence[str]) -> None:
    for part in ("arrays", "masks"):
        found = getattr(batch, part)
        if not isinstance(found, Mapping):
            raise DataError(
                f"{part}: found {type(found).__name__}, expected a dict of one tensor per modality. For masks, {{}} "
                "leaves it to olmoearth_core.embed to find out what is there."
            )
        for name, tensor in found.items():
            if not isinstance(tensor, Tensor):
                raise DataError(
                    f"{name}: found a {type(tensor).__name__} among the {part}, expected a torch.Tensor: "
                    "torch.from_numpy(...) or torch.as_tensor(...)."
                )
    if not batch.arrays:
        raise DataError(f"the batch holds no arrays, expected some of {', '.join(known)}.")
    for name in batch.arrays:
        if name not in known:
            meant = closest(str(name), known)
            hint = f' Did you mean "{meant}"?' if meant else " Leave it out."
            raise DataError(
                f"{name}: found among the batch's arrays, but this model was built for {', '.join(known)}.{hint}"
            )


def _check_timestamps(times: Any) -> None:
    how = "expected whole numbers [B,T,3] = day 1 to 31, month 0 to 11, year, the dates of every sample's steps"
    if not isinstance(times, Tensor):
        raise DataError(f"timestamps: found {type(times).__name__}, {how}. A batch of maps alone has one step: T = 1.")
    if times.ndim != 3 or times.shape[-1] != 3:
        raise DataError(f"timestamps: found the shape {tuple(times.shape)}, {how}.")
    if times.is_floating_point() or times.is_complex() or times.dtype == torch.bool:
        raise DataError(f"timestamps: found {_dtype(times)}, {how}. Convert them with .long().")


def _check_array(array: Tensor, spec: ModalitySpec, batch: Batch, *, raw: bool) -> None:
    name, axes = spec.name, AXES[spec.kind]
    count = len(axes.split(","))
    flat_map = raw and spec.kind == "space" and array.ndim == count - 1
    if (array.ndim != count and not flat_map) or array.shape[-1] != spec.num_bands:
        raise DataError(
            f"{name}: the array has shape {tuple(array.shape)}, expected {count} axes {axes}, the last with its "
            f"{spec.num_bands} bands in the order {', '.join(spec.band_order)}."
        )
    if array.shape[0] != batch.size:
        raise DataError(
            f"{name}: the array has {array.shape[0]} samples, the timestamps have {batch.size}, expected as many. "
            "Every modality needs all samples; where one is missing, its mask is 3 and its values are 0."
        )
    steps, told = _STEPS.get(spec.kind), batch.timestamps.shape[1]
    if steps is not None and array.shape[steps] != told:
        raise DataError(
            f"{name}: the array has {array.shape[steps]} time steps, the timestamps {told}, expected as many. All "
            "modalities share the dates; where one was not measured, its mask is 3 and its values are 0."
        )
    if array.is_complex() or not (raw or array.is_floating_point()):
        advice = "Take .abs() or .real of them." if array.is_complex() else (
            "Whole numbers look like raw values: olmoearth_core.embed normalises them, or the Normalizer does."
        )  # fmt: skip
        raise DataError(f"{name}: found values of type {_dtype(array)}, expected normalised float32. {advice}")
    _check_device(name, array, batch)


def _check_mask(name: str, mask: Tensor, batch: Batch) -> None:
    if mask.is_complex() or mask.dtype == torch.bool:
        raise DataError(
            f"{name}: found a mask of type {_dtype(mask)}, expected whole numbers: 0 shown, 1 hidden, 2 to be "
            "predicted, 3 missing. torch.where(visible, 0, 1) makes one."
        )
    if name in batch.arrays:
        if mask.ndim == 0 or mask.shape[0] != batch.size:
            raise DataError(f"{name}: the mask has shape {tuple(mask.shape)}, expected {batch.size} samples first.")
        _check_device(f"{name} (mask)", mask, batch)


def _check_device(name: str, tensor: Tensor, batch: Batch) -> None:
    if tensor.device != batch.device:
        raise DataError(
            f"{name}: found on the device {tensor.device}, but the timestamps are on {batch.device}, expected one for "
            "all. batch.to(device) moves a whole batch."
        )


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
