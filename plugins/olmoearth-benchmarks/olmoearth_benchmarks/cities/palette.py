"""Which colours of a label picture are classes: those that are frequent enough over all pictures.

Pictures were scaled, so that between two areas there are colours of neither; each pixel takes the nearest true one.
Black and white are no class.
"""

# N colours, H W pixels
from __future__ import annotations

from collections.abc import Iterable

import numpy as np

RAREST = 1e-4
"""Share of all pixels below which a colour is an accident of scaling."""
NONE = (0x000000, 0xFFFFFF)
_PIECE = 1 << 15


def packed(rgb_HW3: np.ndarray) -> np.ndarray:
    """Return colours as one number each, red << 16 | green << 8 | blue."""
    red, green, blue = (rgb_HW3[..., channel].astype(np.int64) for channel in range(3))
    colours: np.ndarray = red << 16 | green << 8 | blue
    return colours


def frequent(pictures: Iterable[np.ndarray]) -> np.ndarray:
    """Return the frequent colours of packed pictures, sorted. The pictures are seen once, one after another."""
    counts = np.zeros(1 << 24, dtype=np.uint32)
    for colours in pictures:
        found, times = np.unique(colours, return_counts=True)
        counts[found] += times.astype(np.uint32)
    total = int(counts.sum(dtype=np.int64))
    return np.flatnonzero((counts >= RAREST * total) & (counts > 0))


def classes(palette_N: np.ndarray) -> np.ndarray:
    """Return the class of each colour of a palette, -1 for black and white."""
    real = ~np.isin(palette_N, NONE)
    return np.where(real, np.cumsum(real) - 1, -1)


def labels(colours_HW: np.ndarray, palette_N: np.ndarray) -> np.ndarray:
    """Return the class of the nearest colour of a palette (squared distance), int16 [H,W]."""
    found, where = np.unique(colours_HW, return_inverse=True)
    nearest = [_nearest(part, palette_N) for part in np.array_split(found, len(found) // _PIECE + 1)]
    of_palette: np.ndarray = classes(palette_N).astype(np.int16)
    of_found: np.ndarray = of_palette[np.concatenate(nearest)]
    labels_HW: np.ndarray = of_found[where.reshape(colours_HW.shape)]
    return labels_HW


def unpacked(colours: np.ndarray) -> np.ndarray:
    """Return red, green and blue, uint8 [...,3]."""
    return np.stack([colours >> 16 & 255, colours >> 8 & 255, colours & 255], axis=-1).astype(np.uint8)


def _nearest(colours: np.ndarray, palette_N: np.ndarray) -> np.ndarray:
    steps = unpacked(colours).astype(np.int64)[:, None] - unpacked(palette_N).astype(np.int64)[None]
    nearest: np.ndarray = (steps**2).sum(-1).argmin(1)
    return nearest
