"""From raw observations to a batch at the model's scale: what is absent is 0, and its tokens are marked missing."""

# B samples, H W pixels, T steps, C bands, S band groups
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from olmoearth_core.data.collate import token_presence
from olmoearth_core.data.fitting import at_groups, check_batch, refuse_uneven, uneven
from olmoearth_core.data.normalize import Normalizer
from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import ENCODE, MISSING, Tokenization
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.models.card import ModelCard
from olmoearth_core.models.plausible import Range
from olmoearth_core.names import closest

ABSENT = -99999.0
"""Value by which the reference's files and packages say that nothing was measured."""


def prepare(batch: Batch, card: ModelCard, *, patch_size: int, normalize: bool, seen: Range | None = None) -> Batch:
    """Normalise a batch by a card's statistics and find out which of its tokens are there.

    Masks of the batch may be left out, be at pixel or at token resolution, and have band groups, bands or no such axis
    at their end; what they hide stays hidden. seen: takes in the raw values, to judge their units.

    Raises:
        DataError: arrays or masks that do not fit the modalities of the card.
    """
    batch, specs = checked(batch, card)
    normalizer = Normalizer(specs, enabled=normalize, fill=card.fill if normalize else "zero")
    arrays, present = {}, {}
    for spec in specs:
        values = _array(batch.arrays[spec.name], spec)
        there = measured(values, spec, raw=normalize)
        if seen is not None and normalize:
            seen.add(spec.name, values, there)
        found, there = normalizer.complete(spec.name, values, there)
        arrays[spec.name] = torch.from_numpy(found).to(batch.device)
        present[spec.name] = _tensor(there, found.shape).to(batch.device)
    tokens = token_presence(present, specs, card.tokenization, patch_size, card.band_gap)
    masks = {spec.name: _mask(batch, spec, card.tokenization, tokens[spec.name], patch_size) for spec in specs}
    return replace(batch, arrays=arrays, masks=masks, counts=None, memo={})


def checked(batch: Batch, card: ModelCard) -> tuple[Batch, list[ModalitySpec]]:
    """Return a batch of raw values with names in lower case, and its modalities.

    Raises:
        DataError: it does not fit itself or the modalities of the card.
    """
    batch = replace(batch, arrays=_lower(batch.arrays), masks=_lower(batch.masks))
    specs = [spec_of(name, card) for name in batch.arrays] if isinstance(batch.arrays, Mapping) else []
    check_batch(batch, card.specs, raw=True)
    return batch, specs


def spec_of(name: str, card: ModelCard) -> ModalitySpec:
    """Return a modality of the model.

    Raises:
        DataError: the model was not made for it.
    """
    found = next((spec for spec in card.specs if spec.name == name.lower()), None)
    if found is None:
        meant = closest(name, card.names)
        hint = f' Did you mean "{meant}"?' if meant else ""
        raise DataError(f"{name}: not a modality of {card.title}, which was made for {', '.join(card.names)}.{hint}")
    return found


def measured(values: np.ndarray, spec: ModalitySpec, *, raw: bool) -> np.ndarray:
    """Return where something was measured: bool, of the values' shape.

    raw: values are in units of the modality, so that its nodata value means something; a single band may have that
    value by chance, all bands of a pixel together do not.
    """
    there: np.ndarray = np.isfinite(values) & (values != ABSENT)
    if raw and spec.nodata is not None:
        nothing = ((values == spec.nodata) | ~there).all(-1, keepdims=True)
        there &= ~nothing
    return there


def _lower(parts: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    return parts if not isinstance(parts, Mapping) else {str(name).lower(): part for name, part in parts.items()}


def _array(array: Tensor, spec: ModalitySpec) -> np.ndarray:
    values = array.detach().cpu().float().numpy()
    if spec.kind == "space" and values.ndim == 4:
        values = values[:, :, :, None]
    return values


def _tensor(there: np.ndarray, shape: tuple[int, ...]) -> Tensor:
    """Return presence as a tensor; one value that holds everywhere takes no memory and is looked at once."""
    small = np.ones((1,) * len(shape), bool) if there.all() else there
    return torch.from_numpy(small).expand(shape)


def _mask(batch: Batch, spec: ModalitySpec, tokenization: Tokenization, there: Tensor, patch_size: int) -> Tensor:
    given = batch.masks.get(spec.name)
    if given is None:
        return torch.where(there, ENCODE, MISSING).to(torch.int8)
    groups = tokenization.groups(spec)
    odd = uneven(given, spec, groups)
    if odd is not None and bool(odd):
        raise refuse_uneven(spec.name)
    mask = at_groups(given, spec, groups)
    side = patch_size * spec.size_factor
    if spec.spatial and mask.shape[1:3] == batch.arrays[spec.name].shape[1:3]:
        mask = mask[:, ::side, ::side]
    if mask.shape != there.shape:
        raise DataError(
            f"{spec.name}: the mask has shape {tuple(given.shape)}, expected {tuple(there.shape)} or the same at the "
            "resolution of the pixels. Leave masks out to show all that is there."
        )
    return torch.where(there, mask, MISSING).to(mask.dtype)
