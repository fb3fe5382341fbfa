"""How far reconstructed pixels are from the pixels that were hidden."""

# B samples, H W pixels, h w patches or pixels, T steps, C bands, S band groups
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import DECODE, MISSING
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.loss import Loss, Pixels
from olmoearth_plugins.losses.decoded import device_of, nothing
from olmoearth_plugins.losses.positive import positive

Name = Literal["MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss"]
Compare = Callable[[Tensor, Tensor], Tensor]


def mae(
    *,
    loss_function: Name = "MSELoss",
    only_decode: bool = True,
    weight: float = 1.0,
    beta: float | None = None,
    delta: float | None = None,
) -> Loss:
    """Describe weight * mean over all counted values, a value being one band of one pixel (or vector) at one time.

    The mean is over the values of all modalities together. What is missing never counts. The masks of the target say
    what counts; which band belongs to which group is what the reconstructor used.

    loss_function: what is averaged: MSELoss (squared difference), L1Loss (absolute), SmoothL1Loss, HuberLoss.
    only_decode: true = only what was to be decoded; false = everything that is there.
    weight: factor on the value.
    beta: of SmoothL1Loss only: difference from which on it is linear, null = 1.
    delta: of HuberLoss only: the same.

    Raises:
        ConfigError: an unknown loss function, or an option that belongs to another one or is not positive.
    """
    return _MAE(_comparison(loss_function, beta=beta, delta=delta), only_decode, weight)


def _comparison(name: str, **options: float | None) -> Compare:
    functions: dict[str, tuple[Callable[..., Tensor], str]] = {
        "MSELoss": (functional.mse_loss, ""),
        "L1Loss": (functional.l1_loss, ""),
        "SmoothL1Loss": (functional.smooth_l1_loss, "beta"),
        "HuberLoss": (functional.huber_loss, "delta"),
    }
    if name not in functions:
        raise ConfigError(f'olmoearth.mae.v1: loss_function is "{name}"; expected one of {", ".join(get_args(Name))}.')
    function, takes = functions[name]
    given = {key: value for key, value in options.items() if value is not None}
    wrong = [key for key in given if key != takes]
    if wrong:
        raise ConfigError(f"olmoearth.mae.v1: {wrong[0]} is set, but {name} has no such option. Leave it out.")
    positive("mae", **given)
    return partial(function, reduction="sum", **given)


@dataclass
class _MAE:
    compare: Compare
    only_decode: bool
    weight: float
    name: str = "MAE"

    def __call__(self, predicted: Pixels, target: Batch) -> Tensor:
        """Compare reconstructed arrays with those of a masked batch.

        Raises:
            DataError: a modality that the batch lacks or has in another shape, or unknown groups of bands.
        """
        with torch.autocast(device_of(predicted), enabled=False):
            total = nothing(predicted)
            count = total.detach()
            for name, values in predicted.tokens.items():
                truth, counted = self._truth(name, values, predicted, target)
                zero = values.new_zeros((), dtype=torch.float32)
                total = total + self.compare(values.float().where(counted, zero), truth.float().where(counted, zero))
                count = count + counted.sum()
            return self.weight * total / count.clamp(min=1)

    def _truth(self, name: str, values: Tensor, predicted: Pixels, target: Batch) -> tuple[Tensor, Tensor]:
        """Return the array of a modality and which of its values count, of one shape."""
        truth, codes = target.arrays.get(name), target.masks.get(name)
        if truth is None or codes is None or truth.shape != values.shape:
            found = "is not in the batch" if truth is None or codes is None else f"is {list(truth.shape)} in the batch"
            raise DataError(
                f"olmoearth.mae.v1: {name} was reconstructed as {list(values.shape)}, but {found}. "
                f"Give the loss the batch that the model was given."
            )
        counted = codes == DECODE if self.only_decode else codes != MISSING
        groups = getattr(predicted, "groups", {}).get(name)
        by_band = _by_band(name, counted, values.shape[-1], groups)
        for axis in range(1, values.ndim - 1):
            side = values.shape[axis] // by_band.shape[axis]
            by_band = by_band if side == 1 else by_band.repeat_interleave(side, axis)
        return truth, by_band


def _by_band(name: str, counted: Tensor, bands: int, groups: Sequence[Sequence[int]] | None) -> Tensor:
    """From [..., S] to [..., C]; a band in no group never counts, one in several goes with the first."""
    count = counted.shape[-1]
    if groups is None and count == 1:
        return counted.expand(*counted.shape[:-1], bands)
    if groups is None and count == bands:
        return counted
    if groups is None or len(groups) != count:
        known = "unknown" if groups is None else f"{len(groups)}"
        raise DataError(
            f"olmoearth.mae.v1: {name} has a mask for {count} groups of its {bands} bands, but the reconstruction's "
            f"groups are {known}. Reconstruct with the tokenization that the batch was masked with."
        )
    place = {band: i for i, group in reversed(list(enumerate(groups))) for band in group}
    never = torch.zeros_like(counted[..., :1])
    parts = [counted[..., place[band], None] if band in place else never for band in range(bands)]
    return torch.cat(parts, dim=-1)
