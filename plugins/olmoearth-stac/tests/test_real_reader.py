"""The sensor's own reader opens what each catalogue's profile brings: items as recorded, pixels made here."""

import json
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
import rasterio
from olmoearth_stac import access, profile
from rasterio.transform import Affine
from stac_fixtures import CELL, TIME

from olmoearth_core.cli.main import main
from olmoearth_core.ingest.windows import Window, write_windows
from olmoearth_core.kinds import registry

SIDE = 7680
"""Metres of the scene, which lies around the cell."""
METERS = {"B01": 60, "B09": 60, **dict.fromkeys(("B02", "B03", "B04", "B08"), 10)}


def pixels(path, meters, values):
    left, top = CELL.top_left
    grid = Affine(meters, 0, left - 2560, 0, -meters, top + 2560)
    shape = {"height": len(values), "width": len(values), "count": 1, "dtype": values.dtype.name}
    lossless = {"driver": "JP2OpenJPEG", "quality": 100, "reversible": "yes"}
    form = lossless if path.suffix == ".jp2" else {"driver": "GTiff", "nodata": 0}
    with rasterio.open(path, "w", crs=CELL.crs, transform=grid, **form, **shape) as raster:
        raster.write(values, 1)
    return path.read_bytes()


def local(server, href):
    """The same file, at the local server."""
    return f"{server.url}{urlsplit(href).path}"


def published(server, name, entry, folder):
    """Put an item and its files on the server; return the values of each band."""
    item = json.loads((Path(__file__).parent / "recorded" / f"{name}.json").read_text())
    (lat, lon), draw = CELL.latlon(), np.random.Generator(np.random.PCG64(11))
    item["bbox"] = [float(lon) - 0.06, float(lat) - 0.04, float(lon) + 0.06, float(lat) + 0.04]
    made = {}
    for band, key in {**entry.bands, "SCL": entry.clear[0]}.items():
        meters = METERS.get(band, 20)
        size = SIDE // meters
        made[band] = draw.integers(200, 3000, (size, size)).astype(np.uint16)
        if band == "SCL":
            made[band] = np.full((size, size), 4, dtype=np.uint8)
        asset = item["assets"][key]
        path = urlsplit(asset["href"]).path
        bucket = "/eodata" if asset["href"].startswith("s3://eodata") else ""
        server.files[unquote(bucket + path)] = pixels(folder / f"made{Path(path).suffix}", meters, made[band])
        asset.pop("file:checksum", None)
        asset.pop("file:size", None)
        if not bucket:
            asset["href"] = local(server, asset["href"])
    for key in entry.also:
        item["assets"].pop(key, None)
    server.items.append(item)
    return made


@pytest.mark.skipif("sentinel2.stac_item.v1" not in registry.readers, reason="olmoearth-sentinel2 is not installed")
@pytest.mark.parametrize(
    ("catalog", "name"),
    [
        ("planetary_computer", "pc_sentinel-2-l2a"),
        ("earth_search", "es_sentinel-2-l2a"),
        ("cdse", "cdse_sentinel-2-l2a"),
    ],
)
def test_a_scene_of_each_catalogue_becomes_a_month_of_the_store(server, tmp_path, monkeypatch, catalog, name):
    access._TOKENS.clear()
    for variable in ("CDSE_S3_ACCESS_KEY_ID", "CDSE_S3_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "TOPSECRET")
    made = published(server, name, profile.open_profile(catalog).entry("sentinel2_l2a"), tmp_path)
    text = (profile.FOLDER / f"{catalog}.toml").read_text()
    text = re.sub(r'^(url|endpoint) = ".*"', rf'\1 = "{server.url}"', text, flags=re.M)
    (tmp_path / "here.toml").write_text(text)
    windows = write_windows(tmp_path / "w.csv", [Window(CELL, TIME)])
    words = ["--windows", str(windows), "--catalog", str(tmp_path / "here.toml"), "--modalities", "sentinel2_l2a"]
    more = ["--items", str(tmp_path / "i.jsonl"), "--cache", str(tmp_path / "cache"), "--workers", "0", "--rate", "999"]
    with pytest.raises(SystemExit, match="0"):
        main(["dataset", "materialize", str(tmp_path / "store"), *words, *more])
    folder = tmp_path / "store" / "10_sentinel2_l2a_monthly"
    with rasterio.open(folder / CELL.file_name(16)) as raster:
        stored = raster.read()
    # Baseline 05.00 of the item of CDSE says that 1000 was added; none below 1.
    offset = 1000 if catalog == "cdse" else 0
    for number, band in enumerate(("B02", "B03", "B04", "B08")):
        source = made[band][256:512, 256:512].astype(int)
        there = source > offset
        np.testing.assert_array_equal(stored[number][there], (source - offset)[there])
    assert len(list(folder.iterdir())) == 3
    assert "TOPSECRET" not in "".join(p.read_text() for p in tmp_path.rglob("*.json*"))
    assert os.listdir(tmp_path / "cache")
