"""Numbers that a product gives at some lines and pixels, read between them.

Between two pixels of a vector and between two vectors values change linearly; beyond the outermost they stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Lookup:
    """Vectors along range. lines: [V], rising. pixels, values: per vector [P], pixels rising."""

    lines: np.ndarray
    pixels: tuple[np.ndarray, ...]
    values: tuple[np.ndarray, ...]

    def at(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Return float64 [rows, cols] at whole or broken lines and pixels of the image."""
        place = np.interp(rows, self.lines, np.arange(len(self.lines)))
        above = np.floor(place).astype(int)
        below = np.minimum(above + 1, len(self.lines) - 1)
        used = np.unique(np.concatenate([above, below]))
        along = np.stack([np.interp(cols, self.pixels[i], self.values[i]) for i in used])
        share = (place - above)[:, None]
        upper, lower = along[np.searchsorted(used, above)], along[np.searchsorted(used, below)]
        between: np.ndarray = upper * (1 - share) + lower * share
        return between


@dataclass(frozen=True, eq=False)
class AzimuthBlock:
    """A factor along azimuth for a part of the image. rows, cols: first and last, both inside. lines, values: [L]."""

    rows: tuple[int, int]
    cols: tuple[int, int]
    lines: np.ndarray
    values: np.ndarray


def azimuth_factor(blocks: tuple[AzimuthBlock, ...], rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Return float64 [rows, cols], 1 outside of all blocks."""
    factor = np.ones((len(rows), len(cols)))
    for block in blocks:
        down = (rows >= block.rows[0]) & (rows <= block.rows[1])
        across = (cols >= block.cols[0]) & (cols <= block.cols[1])
        factor[np.ix_(down, across)] = np.interp(rows[down], block.lines, block.values)[:, None]
    return factor
