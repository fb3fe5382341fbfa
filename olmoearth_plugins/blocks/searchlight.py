"""One forward pass over a large area in which every patch attends only to a box of patches around it.

Cutting an area into windows of the training's size leaves a visible grid in maps; here each patch has a window of its
own. An area as large as one box gives what the ordinary forward pass gives.
"""

# M packed tokens, D width
from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.model import Encoded
from olmoearth_core.interfaces.parts import PositionEncoding
from olmoearth_plugins.blocks.lattice import Lattice
from olmoearth_plugins.blocks.neighbourhood import Cells
from olmoearth_plugins.blocks.places import Places
from olmoearth_plugins.blocks.rows import Rows
from olmoearth_plugins.blocks.visible import Visible


@dataclass(frozen=True)
class SearchlightSettings:
    """How far attention reaches.

    neighborhood_attention_size_px: side of the box in pixels of the 10 m grid; 16 is the windows' size in training.
    chunk_mb: memory for keys and values that are held at a time; it decides speed, never numbers.
    """

    neighborhood_attention_size_px: int = 16
    chunk_mb: int = 32

    def box(self, patch_size: int) -> int:
        """Return cells along the box.

        Raises:
            ConfigError: the box is no whole number of patches.
        """
        if self.neighborhood_attention_size_px < patch_size or self.neighborhood_attention_size_px % patch_size:
            raise ConfigError(
                f"neighborhood_attention_size_px {self.neighborhood_attention_size_px} must be a positive multiple of "
                f"patch_size {patch_size}."
            )
        return self.neighborhood_attention_size_px // patch_size


def searchlight_reach_px(size_px: int, patch_size: int, vit_depth: int, pooler_depth: int) -> int:
    """Return how far, in pixels, a pixel can influence an embedding through all layers.

    vit_depth: blocks of the encoder. pooler_depth: layers of its pooler; each reads and attends once more.
    """
    return (vit_depth + 1 + pooler_depth) * (size_px // patch_size // 2) * patch_size


def usable(settings: SearchlightSettings | None, encoding: PositionEncoding) -> SearchlightSettings | None:
    """Return the settings, or None with a warning where positions are added and a box would move them."""
    if settings is None or encoding.rotates:
        return settings
    warnings.warn(
        "searchlight needs rotary positions, which this encoder lacks: it attends to everything.", stacklevel=5
    )
    return None


def join(parts: Sequence[Encoded]) -> Encoded:
    """Stack what samples gave one by one; they are equally large, as they come from one batch."""

    def cat(tables: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        return {name: torch.cat([table[name] for table in tables]) for name in tables[0]}

    pooled = [part.pooled for part in parts if part.pooled is not None]
    return Encoded(
        tokens=cat([part.tokens for part in parts]),
        masks=cat([part.masks for part in parts]),
        pooled=torch.cat(pooled) if pooled else None,
        extras=cat([part.extras for part in parts]),
    )


class CellStream:
    """The visible tokens of one sample in the order of cells, and the rows by which they attend inside boxes."""

    def __init__(self, seen: Visible, where: Places, patch_size: int, settings: SearchlightSettings) -> None:
        """Order the tokens; asks the device once whether all cells have equally many.

        Raises:
            DataError: a grid smaller than the box, tokens without a place, or cells that differ in number of tokens.
        """
        grid = _grid(seen, settings.box(patch_size), patch_size)
        place = seen.at.place
        cell_M = where.row[place] * grid[1] + where.column[place]
        per_cell = torch.bincount(cell_M, minlength=grid[0] * grid[1])
        fewest, most = torch.stack([per_cell.min(), per_cell.max()]).tolist()
        if fewest != most or not most:
            raise DataError(
                f"searchlight needs equally many visible tokens in every patch, but there are {fewest} to {most}. "
                f"Hide whole time steps or modalities, or fill the gaps."
            )
        self._order = torch.argsort(cell_M, stable=True)
        self._back = torch.argsort(self._order)
        self.rows: Rows = Cells(grid, most, settings.box(patch_size), settings.chunk_mb << 20, cell_M.device)

    def order(self, x: Tensor) -> Tensor:
        """Bring packed tokens [M, ...] into the order of cells."""
        return x.index_select(0, self._order)

    def asked(self, lattice: Lattice) -> Rows:
        """Return the rows of a pooler's queries, equally many per cell."""
        assert isinstance(self.rows, Cells)
        return self.rows.holding(lattice.per_side**2)

    def enter(self, x: Tensor, *, registers: bool = True) -> tuple[Rows, Tensor]:
        """Return the rows and the tokens in the order of cells."""
        return self.rows, self.order(x)

    def leave(self, x: Tensor) -> Tensor:
        """Bring tokens back into packed order."""
        return x.index_select(0, self._back)


def _grid(seen: Visible, box: int, patch_size: int) -> tuple[int, int]:
    """Return rows and columns of patches."""
    counts = seen.reading.counts.encode
    held = [s for s in seen.reading.layout.segments if any(counts[s.modality])]
    nowhere = [s.modality for s in held if s.kind not in ("space", "space_time")]
    if nowhere or not held:
        raise DataError(
            f"searchlight needs tokens that lie in patches, but {', '.join(nowhere) or 'nothing'} is visible. "
            f"Hide modalities without rows and columns."
        )
    rows, columns = held[0].grid[:2]
    if min(rows, columns) < box:
        raise DataError(
            f"searchlight: {rows} x {columns} patches of {patch_size} pixels are smaller than the box of "
            f"{box} x {box} patches. Give a larger area or a smaller neighborhood_attention_size_px."
        )
    return rows, columns
