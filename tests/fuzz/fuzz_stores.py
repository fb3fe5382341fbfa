"""A small tile store, and a small data set of sample files, to be damaged."""

from datetime import UTC, datetime

import numpy as np

from olmoearth_core.convert.grid import Cell
from olmoearth_core.convert.tile_writer import Row, write_table, write_tile
from olmoearth_core.convert.tiles import slot
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec

WHEN = datetime(2018, 12, 12, tzinfo=UTC)
CELLS = [Cell("EPSG:32610", 16, 165 + i, -1968) for i in range(2)]
IMAGES = ModalitySpec("fuzz_images", (BandSet(("a",), 16),), 16, True, dtype="uint16")
WEATHER = ModalitySpec("fuzz_weather", (BandSet(("w", "v"), 4096),), 16, True, size_factor=-256, dtype="float32")
SPECS = (IMAGES, WEATHER)


def write_store(root):
    """Two tiles of two steps of images and weather."""
    for spec in SPECS:
        rows = []
        for number, cell in enumerate(CELLS):
            side = 256 if spec.spatial else 1
            shape = (2, len(spec.band_order), side, side)
            coarse = np.random.default_rng(number).integers(1, 99, (*shape[:2], min(side, 8), min(side, 8)))
            steps = coarse.repeat(max(1, side // 8), -1).repeat(max(1, side // 8), -2).astype(spec.dtype)
            write_tile(root, spec, cell, spec.band_sets[0], steps)
            rows += [Row(cell, WHEN, i, *slot(WHEN, i + 1)) for i in range(2)]
        write_table(root, spec, rows)
    return root


def listing(folder):
    """Everything below a folder with its content: what must not change."""
    return {p.relative_to(folder): p.is_file() and p.read_bytes() for p in folder.rglob("*")}
