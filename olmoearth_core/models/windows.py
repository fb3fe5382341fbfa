"""Large areas in windows: attention costs the square of its tokens, so an area is embedded piece by piece.

Windows are as equal as possible and cover every patch exactly once. What lies in another window is not attended to.
"""

# B samples, H W patches, D features
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import torch
from torch import Tensor

from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import ENCODE
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.loss import Tokens
from olmoearth_core.interfaces.modality import ModalitySpec

Window = tuple[slice, slice]
"""Rows and columns of patches."""


def windows(batch: Batch, specs: Sequence[ModalitySpec], patch_size: int, window: int | None) -> list[Window]:
    """Cut the area of a batch into windows of at most `window` pixels of the 10 m grid a side; None = one for all.

    Arrays that patches do not divide, or that differ, are left in one window, for others to complain about.

    Raises:
        DataError: a window that holds no patch.
    """
    if window is not None and (isinstance(window, bool) or not isinstance(window, int) or window < patch_size):
        raise DataError(
            f"window: found {window!r}, expected None or a whole number of pixels of at least {patch_size}, the side "
            "of a patch."
        )
    sizes = set()
    for spec in specs:
        if spec.spatial:
            side = patch_size * spec.size_factor
            sizes |= {tuple(size / side for size in batch.arrays[spec.name].shape[1:3])}
    rows, columns = next(iter(sizes), (1, 1))
    if window is None or len(sizes) > 1 or rows % 1 or columns % 1 or not rows * columns:
        return [(slice(0, ceil(rows)), slice(0, ceil(columns)))]
    most = window // patch_size
    return [(r, c) for r in parts(int(rows), most) for c in parts(int(columns), most)]


def parts(length: int, most: int) -> Iterator[slice]:
    """Cut 0..length into the fewest parts of at most `most`, as equal as possible."""
    number = ceil(length / most)
    edges = [length * i // number for i in range(number + 1)]
    yield from map(slice, edges[:-1], edges[1:])


def cut(batch: Batch, specs: Sequence[ModalitySpec], patch_size: int, at: Window) -> Batch:
    """Return what of a batch lies in a window, as views.

    Raises:
        DataError: a mask that is neither at pixel nor at token resolution.
    """
    arrays, masks = dict(batch.arrays), dict(batch.masks)
    for spec in specs:
        if not spec.spatial:
            continue
        side, whole = patch_size * spec.size_factor, batch.arrays[spec.name]
        arrays[spec.name] = _cut(whole, at, side)
        mask = masks.get(spec.name)
        if mask is not None:
            grid = tuple(size // side for size in whole.shape[1:3])
            if tuple(mask.shape[1:3]) not in (grid, tuple(whole.shape[1:3])):
                raise DataError(
                    f"{spec.name}: the mask has shape {tuple(mask.shape)}, expected {whole.shape[1]} x "
                    f"{whole.shape[2]} pixels or {grid[0]} x {grid[1]} patches. Leave masks out to show all that is "
                    "there."
                )
            masks[spec.name] = _cut(mask, at, 1 if tuple(mask.shape[1:3]) == grid else side)
    return replace(batch, arrays=arrays, masks=masks, counts=None, memo={})


@dataclass(frozen=True)
class Pool:
    """How tokens become features, and features of windows those of the whole.

    largest: the largest counts; otherwise the mean, weighted by visible tokens.
    """

    of: Callable[[Tokens], Tensor]
    largest: bool = False

    def join(self, found: Sequence[tuple[Window, Tensor, Tensor]]) -> Tensor:
        """Return features of the whole from those of each window and its numbers of visible tokens [B].

        Features with an axis of rows and one of columns after the samples are put side by side, others are joined.
        """
        features = [part for _, part, _ in found]
        if len(found) == 1:
            return features[0]
        if all(_is_grid(part, at) for at, part, _ in found):
            return _side_by_side(found)
        weights = torch.stack([weight for *_, weight in found]).to(features[0].dtype)
        weights = weights.view(*weights.shape, *[1] * (features[0].ndim - 1))
        stacked = torch.stack(features)
        if self.largest:
            best = stacked.masked_fill(weights == 0, -torch.inf).amax(0)
            return best.masked_fill(best == -torch.inf, 0.0)
        return (stacked * weights).sum(0) / weights.sum(0).clamp(min=1)


def visible_tokens(tokens: Tokens) -> Tensor:
    """Return the number of visible tokens of each sample [B]."""
    counts: Any = sum((mask == ENCODE).flatten(1).sum(1) for mask in tokens.masks.values())
    return torch.as_tensor(counts)


def _cut(array: Tensor, at: Window, side: int) -> Tensor:
    rows, columns = (slice(part.start * side, part.stop * side) for part in at)
    return array[:, rows, columns]


def _is_grid(part: Tensor, at: Window) -> bool:
    return part.ndim > 3 and tuple(part.shape[1:3]) == tuple(a.stop - a.start for a in at)


def _side_by_side(found: Sequence[tuple[Window, Tensor, Tensor]]) -> Tensor:
    last, first = found[-1][0], found[0][1]
    whole = first.new_empty(len(first), last[0].stop, last[1].stop, *first.shape[3:])
    for (rows, columns), part, _ in found:
        whole[:, rows, columns] = part
    return whole
