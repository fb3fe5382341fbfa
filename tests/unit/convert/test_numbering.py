"""The number of a sample follows from its place; the original's follows from the hash seed of the run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from olmoearth_core.convert.convert import convert
from olmoearth_core.convert.grid import Cell

BELOW, BESIDE = Cell("EPSG:32610", 16, 165, -1967), Cell("EPSG:32610", 16, 166, -1968)


def test_samples_are_numbered_by_place_whatever_the_order_of_the_table(write_store, specs, cell):
    root = write_store([specs["optical"]], cells=[BESIDE, BELOW, cell])
    path = Path(convert(root, None, [specs["optical"]], tile_size=256).path)
    expected = [place.latlon() for place in (cell, BELOW, BESIDE)]
    np.testing.assert_allclose(np.load(path / "latlon_distribution.npy"), expected)
