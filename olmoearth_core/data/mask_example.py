"""One sample as training gets it, for looking at: which token has which code, view by view.

A sample of a loader goes through the loader itself, with its whole batch, because strategies may look at batch mates.
A made-up sample has no pixels, only tokens, all of which are there.
"""

# H W patches, T steps, S band groups
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from olmoearth_core.data.random import Draws, key_of
from olmoearth_core.data.tokens import ENCODE, MISSING, Tokenization, TokenLayout
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.masking import Masking
from olmoearth_core.interfaces.modality import ModalitySpec

if TYPE_CHECKING:
    from olmoearth_core.data.loader import Loader

MADE_UP_PATCHES, MADE_UP_STEPS = 4, 12
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Example:
    """The masks of one sample.

    about: which sample it is, in words. views: one mapping per view from modality to codes [H,W,T,S], [T,S] or [S].
    dates: one (month, year) per time step, month 0-11; year None where it has none.
    """

    about: str
    patch_size: int
    views: tuple[dict[str, np.ndarray], ...]
    dates: tuple[tuple[int, int | None], ...]


@dataclass(frozen=True)
class Row:
    """The tokens of one band group in one view: codes [T,H,W], where T is 1 if it has no dates.

    bands: names of the group; empty if the modality is one group.
    """

    view: int
    modality: str
    bands: tuple[str, ...]
    dated: bool
    codes: np.ndarray

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Numbers of tokens that are encoded, for the target only, decoded and missing (codes 0 to 3)."""
        encoded, target_only, decoded, missing = np.bincount(self.codes.ravel(), minlength=4).tolist()
        return encoded, target_only, decoded, missing


def of_loader(loader: Loader, *, step: int, sample: int) -> Example:
    """Return a sample of a global batch: step from 1 on, sample from 0 on, as a run of one process sees it.

    Raises:
        DataError: there is no such step or sample, or it cannot be read.
    """
    size, length = loader.settings.global_batch_size, loader.batches_per_epoch
    if step < 1:
        raise DataError(f"step {step}: steps count from 1.")
    if not 0 <= sample < size:
        raise DataError(
            f"sample {sample}: a batch has {size} samples (data_loader.global_batch_size), 0 to {size - 1}. "
            "Take one of these, or another step."
        )
    batch = loader.one((step - 1) // length + 1, (step - 1) % length)
    views = tuple({name: mask[sample].numpy() for name, mask in view.masks.items()} for view in batch.views)
    dates = tuple((int(month), int(year)) for _, month, year in batch.views[0].timestamps[sample].tolist())
    return Example(f"file {batch.indices[sample]} = sample {sample} of step {step}", batch.patch_size, views, dates)


def made_up(
    specs: Sequence[ModalitySpec],
    maskings: Sequence[Masking | None],
    tokenization: Tokenization,
    *,
    patch_size: int,
    seed: int,
    step: int = 1,
    sample: int = 0,
    steps: int = MADE_UP_STEPS,
) -> Example:
    """Return the masks of a sample in which everything is there, 4 x 4 patches and some months of a year.

    maskings: one per view. seed, step and sample: what the draws depend on; the sample is a batch of its own.
    """
    if step < 1 or sample < 0:
        raise DataError(f"step {step}, sample {sample}: steps count from 1 and samples from 0.")
    layout = TokenLayout.of(specs, tokenization, rows=MADE_UP_PATCHES, columns=MADE_UP_PATCHES, steps=steps)
    present = {s.modality: torch.ones((1, *s.shape), dtype=torch.bool) for s in layout.segments}
    draws = Draws([key_of(seed, 1, sample)], step)
    views = tuple(_view(present, specs, m, draws.child("view", i)) for i, m in enumerate(maskings))
    about = f"made-up sample {sample} at step {step}, everything there"
    return Example(about, patch_size, views, tuple((month % 12, None) for month in range(steps)))


def rows(example: Example, specs: Sequence[ModalitySpec], tokenization: Tokenization) -> Iterator[Row]:
    """Yield one row per view, modality and band group, in declaration order."""
    for view, masks in enumerate(example.views, 1):
        for spec in specs:
            groups = tokenization.groups(spec)
            for i, group in enumerate(groups):
                bands = tuple(spec.band_order[band] for band in group) if len(groups) > 1 else ()
                yield Row(view, spec.name, bands, spec.multitemporal, _upright(masks[spec.name][..., i]))


def _view(
    present: dict[str, Tensor], specs: Sequence[ModalitySpec], masking: Masking | None, draws: Draws
) -> dict[str, np.ndarray]:
    if masking is None:
        return {name: np.where(here[0].numpy(), ENCODE, MISSING).astype(np.int8) for name, here in present.items()}
    return {name: mask[0].numpy() for name, mask in masking.mask(present, specs, draws).items()}


def _upright(codes: np.ndarray) -> np.ndarray:
    """Bring codes [H,W,T], [T] or [] to [T,H,W]."""
    return np.moveaxis(codes, -1, 0) if codes.ndim == 3 else codes.reshape(-1, 1, 1)
