"""Small tile stores in the real file format, made by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from olmoearth_core.convert.grid import Cell
from olmoearth_core.convert.tile_writer import Row, write_table, write_tile
from olmoearth_core.convert.tiles import slot
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec

WHEN = datetime(2018, 12, 12, tzinfo=UTC)
CELL = Cell("EPSG:32610", 16, 165, -1968)

OPTICAL = ModalitySpec(
    "optical",
    (BandSet(("o1", "o2"), 16), BandSet(("o3",), 32)),
    16,
    multitemporal=True,
    dtype="uint16",
)
RADAR = ModalitySpec(
    "radar",
    (BandSet(("r1",), 16),),
    16,
    multitemporal=True,
    dtype="float32",
    storage="power_to_db",
    nodata=-32768.0,
    drop_rules=("any_nan", "any_nodata"),
)
COVER = ModalitySpec("cover", (BandSet(("c",), 16),), 16, multitemporal=False, dtype="uint8")
FINE = ModalitySpec("fine", (BandSet(("f1", "f2"), 4),), 16, multitemporal=False, dtype="uint8")
WEATHER = ModalitySpec("weather", (BandSet(("w1", "w2"), 4096),), 16, multitemporal=True, size_factor=-256)


@pytest.fixture
def specs() -> dict[str, ModalitySpec]:
    return {s.name: s for s in (OPTICAL, RADAR, COVER, FINE, WEATHER)}


@pytest.fixture
def cell() -> Cell:
    return CELL


def _pixels(spec: ModalitySpec, band_set: BandSet, steps: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng([seed, *spec.name.encode()])
    side = spec.stored_pixels(band_set) if spec.spatial else 1
    shape = (steps, len(band_set.bands), side, side)
    if spec.dtype == "float32" or spec.dtype is None:
        return rng.random(shape, dtype=np.float32) + 0.01
    coarse = rng.integers(1, 200, (*shape[:2], max(1, side // 16), max(1, side // 16)))
    return (
        coarse.repeat(max(1, side // coarse.shape[-1]), -1)
        .repeat(max(1, side // coarse.shape[-1]), -2)
        .astype(spec.dtype)
    )


@pytest.fixture
def write_store(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes modalities of some cells; `steps` are the slots 1..12 that a modality has."""

    def write(
        specs: Sequence[ModalitySpec],
        *,
        cells: Sequence[Cell] = (CELL,),
        steps: dict[str, Sequence[int]] | None = None,
        root: Path | None = None,
    ) -> Path:
        root = root or tmp_path / "tiles"
        for spec in specs:
            slots = list((steps or {}).get(spec.name, range(1, 13))) if spec.multitemporal else [1]
            rows = []
            for number, cell in enumerate(cells):
                for band_set in spec.band_sets:
                    write_tile(root, spec, cell, band_set, _pixels(spec, band_set, len(slots), number))
                rows += [Row(cell, WHEN, i, *slot(WHEN, k)) for i, k in enumerate(slots)]
            write_table(root, spec, rows)
        return root

    return write
