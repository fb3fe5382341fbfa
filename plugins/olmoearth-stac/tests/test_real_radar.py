"""Radar through the profiles of real catalogues: what is terrain corrected is stored, what is not is refused."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine
from stac_fixtures import CELL, TIME

from olmoearth_core.cli.main import main
from olmoearth_core.ingest.windows import Window, write_windows
from olmoearth_core.kinds import registry

pytestmark = pytest.mark.skipif(
    "sentinel1.stac_item.v1" not in registry.readers, reason="olmoearth-sentinel1 is not installed"
)
SIDE = 768
"""Pixels of the scene, which reaches 256 beyond the cell on each side."""


def published(server, name, folder):
    """Put a recorded item on the server, its polarisations made here; return them by band."""
    item = json.loads((Path(__file__).parent / "recorded" / f"{name}.json").read_text())
    (lat, lon), draw = CELL.latlon(), np.random.Generator(np.random.PCG64(5))
    item["bbox"] = [float(lon) - 0.06, float(lat) - 0.04, float(lon) + 0.06, float(lat) + 0.04]
    left, top = CELL.top_left
    shape = {"height": SIDE, "width": SIDE, "count": 1, "dtype": "float32", "nodata": -32768, "crs": CELL.crs}
    made = {}
    for band in ("vv", "vh"):
        made[band] = draw.uniform(0.001, 2, (SIDE, SIDE)).astype(np.float32)
        made[band][260, 259] = 0.5 if band == "vv" else -32768
        grid = Affine(10, 0, left - 2560, 0, -10, top + 2560)
        with rasterio.open(folder / "made.tif", "w", driver="GTiff", transform=grid, **shape) as raster:
            raster.write(made[band], 1)
        path = urlsplit(item["assets"][band]["href"]).path
        server.files[path] = (folder / "made.tif").read_bytes()
        item["assets"][band]["href"] = f"{server.url}{path}"
    item["assets"] = {band: item["assets"][band] for band in made}
    server.items.append(item)
    return made


def materialized(server, folder, catalog):
    """Run the command and return its exit code."""
    windows = write_windows(folder / "w.csv", [Window(CELL, TIME)])
    words = ["--windows", str(windows), "--catalog", f"{catalog}={server.url}", "--modalities", "sentinel1"]
    more = ["--items", str(folder / "i.jsonl"), "--cache", str(folder / "cache"), "--workers", "0", "--rate", "999"]
    try:
        return main(["dataset", "materialize", str(folder / "store"), *words, *more])
    except SystemExit as ended:
        return ended.code or 0


def test_a_corrected_scene_becomes_a_month_of_power(server, tmp_path):
    made = published(server, "pc_sentinel-1-rtc", tmp_path)
    assert materialized(server, tmp_path, "planetary_computer") == 0
    with rasterio.open(tmp_path / "store" / "10_sentinel1_monthly" / CELL.file_name(16)) as raster:
        stored = raster.read()
    assert stored[1, 4, 3] == -32768
    for number, band in enumerate(("vv", "vh")):
        np.testing.assert_array_equal(stored[number], made[band][256:512, 256:512])


def test_an_uncorrected_scene_is_refused_with_the_reason(server, tmp_path, capsys):
    published(server, "es_sentinel-1-grd", tmp_path)
    assert materialized(server, tmp_path, "earth_search") == 2
    said = capsys.readouterr()
    assert "not terrain corrected" in said.err
    assert "options = { accept_uncorrected = true } below [modalities.sentinel1]" in said.err
    assert server.requests == []
