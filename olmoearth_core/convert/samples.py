"""Which samples a tile store holds, and which modalities each of them gets.

Samples are numbered in sorted order of place, so that two conversions of one store agree; the
original numbers them in the order of a hash table, which changes from run to run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from olmoearth_core.convert.grid import Cell
from olmoearth_core.convert.tiles import Tile, TileTable
from olmoearth_core.interfaces.modality import ModalitySpec


@dataclass(frozen=True)
class PlannedSample:
    """A grid cell and the tiles that describe it, by modality in tie-break order."""

    cell: Cell
    tiles: Mapping[str, Tile]


def tie_break_order(specs: Sequence[ModalitySpec]) -> list[ModalitySpec]:
    """Order of modalities that decides ties: ASCII order of upper-case names ("_" after letters)."""
    return sorted(specs, key=lambda spec: spec.name.upper())


def plan(tables: Mapping[str, TileTable], specs: Sequence[ModalitySpec]) -> list[PlannedSample]:
    """Return all samples of a store: cells with a yearly tile, or with a static one at 0.625 m.

    A modality of a coarser grid joins every finer sample inside its tile.
    """
    ordered = tie_break_order(specs)
    cells = {c for s in ordered if s.multitemporal or s.grid_factor == 1 for c in tables[s.name].tiles}
    return [PlannedSample(cell, _attached(cell, tables, ordered)) for cell in sorted(cells)]


def _attached(cell: Cell, tables: Mapping[str, TileTable], specs: Sequence[ModalitySpec]) -> dict[str, Tile]:
    coarse = [spec for spec in specs if spec.grid_factor >= cell.factor]
    found = {s.name: tables[s.name].tiles.get(cell.parent(s.grid_factor)) for s in coarse}
    return {name: tile for name, tile in found.items() if tile is not None}


def sample_timestamps(steps: Mapping[str, np.ndarray], specs: Sequence[ModalitySpec]) -> np.ndarray:
    """Return the longest of the space-time modalities' [T, 3] lists, the first in tie-break order among equals.

    An empty [0, 3] where there is none.
    """
    lists = [steps[s.name] for s in tie_break_order(specs) if s.kind == "space_time" and s.name in steps]
    return max(lists, key=len, default=np.zeros((0, 3), dtype=np.int32))


def presence(timestamps: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return bool [T]: which rows of the sample's timestamps [T, 3] occur among a modality's steps [K, 3]."""
    same: np.ndarray = (timestamps[:, None, :] == steps[None, :, :]).all(-1).any(-1)
    return same
