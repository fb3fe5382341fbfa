"""Which pixels a line or a polygon of whole-pixel vertices sets, by the published layer's rules.

Lines are Bresenham's, where a tie steps. Polygons hold the points inside by the even-odd rule, their vertices, and
the points on an odd number of edges (as scikit-image's `draw.polygon`, with which the layer was made). Arrays are
[rows, cols]; everything outside them is cut off. No loop over pixels.
"""

# S segments, K pixels of all of them
from __future__ import annotations

import numpy as np

_MOST = 4_000_000
"""Pixels that are laid out at once."""


def burn_points(mask: np.ndarray, points: np.ndarray) -> None:
    """Set pixels. mask: [rows, cols]. points: int64 [N, 2] = column, row."""
    inside = ((points >= 0) & (points < mask.shape[::-1])).all(axis=1)
    mask[points[inside, 1], points[inside, 0]] = 1


def burn_line(mask: np.ndarray, vertices: np.ndarray) -> None:
    """Set the pixels from each vertex to the next. vertices: int64 [N, 2] = column, row; one alone sets nothing."""
    burn_segments(mask, vertices[:-1], vertices[1:])


def burn_segments(mask: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
    """Set the pixels of straight lines. start, end: int64 [S, 2] = column, row."""
    step = end - start
    length = np.abs(step)
    major = (length[:, 1] > length[:, 0]).astype(np.int64)
    long, short = np.take_along_axis(length, np.stack([major, 1 - major], 1), 1).T
    size = np.asarray(mask.shape[::-1])
    each = np.arange(len(step))
    first, last = _within(start[each, major], np.sign(step)[each, major], long, size[major])
    for part, k in _laid_out(first, last):
        # The error term in closed form: the k-th pixel has stepped floor((2 k m + M) / 2 M) times aside.
        aside = (2 * short[part] * k + long[part]) // np.maximum(2 * long[part], 1)
        offsets = np.where(major[part, None] == np.arange(2), k[:, None], aside[:, None])
        burn_points(mask, start[part] + np.sign(step[part]) * offsets)


def burn_polygon(mask: np.ndarray, rings: list[np.ndarray]) -> None:
    """Set a polygon; holes lose their own boundary too. rings: the outer one and holes, int64 [N, 2] = column, row."""
    size = np.asarray(mask.shape[::-1])
    low, high = np.maximum(rings[0].min(axis=0), 0), np.minimum(rings[0].max(axis=0) + 1, size)
    if (low >= high).any():
        return
    width, height = high - low
    filled, *holes = (_filled(ring - low, height, width) for ring in rings)
    for hole in holes:
        filled &= ~hole
    mask[low[1] : high[1], low[0] : high[0]] |= filled.astype(mask.dtype)


def _filled(ring: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return bool [height, width]: vertices, and pixels with an odd number of edges to the right or to the left.

    The two counts differ only on edges. On two edges at once (where a ring runs back over itself) they may both be
    even, so that pixel is open: thin buildings collapse to their corners.
    """
    start, step = ring, np.roll(ring, -1, axis=0) - ring
    upper, lower = ring[:, 1] + np.minimum(step[:, 1], 0), ring[:, 1] + np.maximum(step[:, 1], 0)
    right = np.zeros((height, width + 1), dtype=np.int32)
    left = np.zeros_like(right)
    for part, row in _laid_out(np.maximum(upper, 0), np.minimum(lower, height) - 1):
        (x, y), (dx, dy) = start[part].T, step[part].T
        # The ceiling of where the edge crosses the row: pixels before it have the edge to their right.
        np.add.at(right, (row, np.clip(x - ((y - row) * dx) // dy, 0, width)), 1)
    for part, row in _laid_out(np.maximum(upper + 1, 0), np.minimum(lower, height - 1)):
        (x, y), (dx, dy) = start[part].T, step[part].T
        np.add.at(left, (row, np.clip(x + ((row - y) * dx) // dy + 1, 0, width)), 1)
    odd_right = np.cumsum(right[:, ::-1], axis=1)[:, -2::-1] % 2 == 1
    filled: np.ndarray = odd_right | (np.cumsum(left, axis=1)[:, :-1] % 2 == 1)
    burn_points(filled, ring)
    return filled


def _within(
    start: np.ndarray, stride: np.ndarray, count: np.ndarray, size: np.ndarray | np.int64
) -> tuple[np.ndarray, np.ndarray]:
    """Return first and last k of 0..count for which start + k stride lies in 0..size-1; first > last where none."""
    # Seen in a mirror, a way back is a way forth.
    here = np.where(stride < 0, size - 1 - start, start)
    pace = np.maximum(np.abs(stride), 1)
    first, last = np.maximum(-(here // pace), 0), np.minimum((size - 1 - here) // pace, count)
    inside = (here >= 0) & (here < size)
    return np.where(stride == 0, 0, first), np.where(stride == 0, np.where(inside, count, -1), last)


def _laid_out(first: np.ndarray, last: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return segment numbers and positions from first to last of each, int64 [K] each, in bounded portions."""
    counts = np.maximum(last - first + 1, 0)
    portions, total = [], np.cumsum(counts)
    begin = 0
    while begin < len(counts):
        done = total[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(total, done + _MOST, side="right")))
        part = np.repeat(np.arange(begin, end), counts[begin:end])
        before = np.repeat(total[begin:end] - counts[begin:end] - done, counts[begin:end])
        portions.append((part, np.arange(len(part)) - before + first[part]))
        begin = end
    return portions
