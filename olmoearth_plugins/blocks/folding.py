"""A linear patch projection applied to the pixels as they are, instead of to an image enlarged for it.

Resizing is linear and separable, so it folds into the weights: a token is a small window of pixels times a kernel.
All patches inside an image share one kernel; the one or two at each border, where interpolation is renormalised,
have their own. At patch size 1 a window has 5 x 5 pixels instead of 8 x 8 resized ones, at 2 it has 6 x 6.
"""

# B samples, H W pixels, R C rows and columns of patches, T steps, K bands, D width
# s side of a base patch, h w sides of a window, M patches times steps of a piece
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from olmoearth_plugins.blocks.pieces import Piece, at_once, strips
from olmoearth_plugins.blocks.resize import NOTHING, axis_weights

CALL = 200_000
"""Multiply-adds that could be done in the time of starting one product of matrices."""
RESIZE = 64
"""Multiply-adds that resizing costs per pixel and band of an enlarged image, going through memory included."""
FRAMES = 2**20
"""Pixels times bands of the samples whose frames are rearranged at a time on a CPU."""
SLOW = 4
"""How much longer a multiply-add takes while kernels are folded, in products of small matrices."""


@dataclass(frozen=True, eq=False)
class Run:
    """Neighbouring patches along one axis whose windows have equal weights.

    first, count: of the patches. start: first pixel of the first window; the next window starts one patch later.
    weights: from the pixels of a window to those of a base patch, [s, window].
    """

    first: int
    count: int
    start: int
    weights: np.ndarray

    @property
    def window(self) -> int:
        """Pixels along a window."""
        return int(self.weights.shape[1])

    @property
    def plain(self) -> bool:
        """Whether nothing is resized."""
        return self.weights.shape[0] == self.weights.shape[1] and bool((self.weights == np.eye(self.window)).all())


@lru_cache(maxsize=256)
def runs(length: int, count: int, side: int) -> tuple[Run, ...]:
    """Cut an axis of `length` pixels, which holds `count` patches, into runs; side: of a base patch."""
    step = length // count
    if step == side:
        return (Run(0, count, 0, np.eye(side, dtype=np.float32)),)
    weights = axis_weights(length, count * side).reshape(count, side, length)
    used = np.abs(weights).max(axis=1) > NOTHING
    starts, stops = used.argmax(1), length - used[:, ::-1].argmax(1)
    window = int((stops - starts).max())
    starts = np.minimum(starts, length - window)
    own = [np.ascontiguousarray(weights[i][:, s : s + window]) for i, s in enumerate(starts)]
    firsts = [
        i
        for i in range(count)
        if not i or starts[i] != starts[i - 1] + step or not np.allclose(own[i], own[i - 1], rtol=0, atol=1e-6)
    ]
    ends = [*firsts[1:], count]
    return tuple(Run(i, end - i, int(starts[i]), own[i]) for i, end in zip(firsts, ends, strict=True))


def pays(array: Sequence[int], grid: Sequence[int], kernel: Sequence[int]) -> bool:
    """Whether folding needs less work than enlarging (or nothing has to be resized); by shapes.

    array: [B,H,W,T,K]. grid: (rows, columns, ...) of patches. kernel: [D,K,s,s].
    """
    samples, height, width, steps, _ = array
    width_out, bands, side, _ = kernel
    if height == grid[0] * side and width == grid[1] * side:
        return True
    down, right = runs(height, grid[0], side), runs(width, grid[1], side)
    high, wide = down[0].window, right[0].window
    places, kernels = samples * grid[0] * grid[1] * steps, len(down) * len(right)
    per_band = side * high * (len(down) * side + kernels * wide)
    folded = places * high * wide * bands * width_out + SLOW * bands * width_out * per_band + kernels * CALL
    return folded < places * side * side * bands * (width_out + RESIZE)


@runtime_checkable
class Foldable(Protocol):
    """A projection that may be one linear map of all pixels of a patch, with an MLP on the token behind it."""

    proj: nn.Linear | nn.Conv2d
    post_proj: nn.Module

    def kernel(self) -> Tensor | None:
        """Return its weights [D,K,s,s]; None = it is more than a linear map."""
        ...


def fold(weight_DKss: Tensor, down: tuple[Run, ...], right: tuple[Run, ...]) -> Iterator[tuple[Run, Run, Tensor]]:
    """Yield the kernel [h * w * K, D] of every pair of runs, float32."""
    device, (width, bands, side, _) = weight_DKss.device, weight_DKss.shape

    def joined(parts: tuple[Run, ...]) -> Tensor:
        return torch.from_numpy(np.concatenate([run.weights.T for run in parts])).to(device, non_blocking=True)

    with torch.autocast(device.type, enabled=False):
        weight_sk = weight_DKss.permute(2, 3, 1, 0).float().flatten(1)
        if down[0].plain and right[0].plain:
            yield down[0], right[0], weight_sk.view(-1, width)
            return
        columns = joined(right)
        for row in down:
            half_hsk = (joined((row,)) @ weight_sk).view(-1, side, bands * width)
            both_hwk = columns @ half_hsk
            for column, kernel in zip(right, torch.split(both_hwk, right[0].window, dim=1), strict=True):
                yield row, column, kernel.reshape(-1, width)


def write(out_BRCTD: Tensor, array_BHWTK: Tensor, projection: Foldable) -> None:
    """Write all tokens of one band group piece by piece, in the precision of `out`, without gradients."""
    grid = (out_BRCTD.shape[1], out_BRCTD.shape[2])
    step = len(array_BHWTK) if out_BRCTD.device.type != "cpu" else max(1, FRAMES // array_BHWTK[:1].numel())
    for first in range(0, len(array_BHWTK), step):
        Folded(array_BHWTK[first : first + step], grid, projection).write(out_BRCTD[first : first + step])


class Folded:
    """One band group of a batch, its pixels ready to be multiplied with folded kernels."""

    def __init__(self, array_BHWTK: Tensor, grid: tuple[int, int], projection: Foldable) -> None:
        """grid: rows and columns of patches."""
        samples, height, width, steps, bands = array_BHWTK.shape
        kernel = projection.kernel()
        assert kernel is not None
        self.kernel, self.bias = kernel, projection.proj.bias
        self.grid, self.steps, self.bands = grid, steps, bands
        self.apart = height // grid[0], width // grid[1]
        side = self.kernel.shape[-1]
        self.down, self.right = runs(height, grid[0], side), runs(width, grid[1], side)
        # In rows of a frame, so that the pixels of a window's row lie side by side.
        self.frames_BTHk = array_BHWTK.permute(0, 3, 1, 2, 4).reshape(samples, steps, height, width * bands)
        self.finish = projection.post_proj

    def tokens(self) -> Tensor:
        """Return [B,R,C,T,D], with gradients for the weights."""
        samples = len(self.frames_BTHk)
        strips: dict[int, list[Tensor]] = {}
        for row, column, kernel_kD in fold(self.kernel, self.down, self.right):
            windows_Mk = self._windows(row, column, (slice(0, samples), slice(0, row.count), slice(0, column.count)))
            found = linear(windows_Mk, kernel_kD.T, self.bias)
            strips.setdefault(row.first, []).append(found.view(samples, row.count, column.count, self.steps, -1))
        tokens: Tensor = self.finish(torch.cat([torch.cat(strip, dim=2) for strip in strips.values()], dim=1))
        return tokens

    def write(self, out_BRCTD: Tensor) -> None:
        """Write the same piece by piece, in the precision of `out`, without gradients."""
        self.frames_BTHk = self.frames_BTHk.to(out_BRCTD.dtype)
        bias = None if self.bias is None else self.bias.to(out_BRCTD.dtype)
        for row, column, kernel_kD in fold(self.kernel, self.down, self.right):
            own_kD = kernel_kD.to(out_BRCTD.dtype)
            tokens = at_once(out_BRCTD.device, max(own_kD.shape))
            for piece in strips(len(out_BRCTD), row.count, column.count * self.steps, tokens):
                samples, rows = piece
                windows_Mk = self._windows(row, column, (samples, rows, slice(0, column.count)))
                place = out_BRCTD[samples, _moved(rows, row.first), column.first : column.first + column.count]
                if self._in_line(place) and bias is not None:
                    torch.addmm(bias, windows_Mk, own_kD, out=place.view(-1, place.shape[-1]))
                else:
                    place.copy_(self.finish(linear(windows_Mk, own_kD.T, bias)).view(place.shape))

    def _in_line(self, place_BRCTD: Tensor) -> bool:
        """Whether the tokens of a place are the rows of a matrix as they lie, and nothing comes after them."""
        samples, rows, columns = place_BRCTD.shape[:3]
        line = samples == 1 and (rows == 1 or columns == self.grid[1])
        return line and isinstance(self.finish, nn.Sequential) and not len(self.finish)

    def _windows(self, row: Run, column: Run, piece: Piece) -> Tensor:
        """Gather the windows of some patches of two runs, [M, h * w * K]."""
        samples, rows, columns = piece
        high, wide = row.window, column.window
        (down, right), bands = self.apart, self.bands
        top, left = row.start + rows.start * down, (column.start + columns.start * right) * bands
        bottom = top + (rows.stop - rows.start - 1) * down + high
        end = left + ((columns.stop - columns.start - 1) * right + wide) * bands
        part = self.frames_BTHk[samples, :, top:bottom, left:end]
        windows_BTRChk = part.unfold(2, high, down).unfold(3, wide * bands, right * bands)
        return windows_BTRChk.permute(0, 2, 3, 1, 4, 5).flatten(4).flatten(0, 3)


def _moved(part: slice, by: int) -> slice:
    return slice(part.start + by, part.stop + by)
