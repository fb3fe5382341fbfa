"""Real maps through the profiles of real catalogues, opened by the readers of their packages."""

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform

from olmoearth_core.cli.main import main
from olmoearth_core.ingest.place import cell_at
from olmoearth_core.ingest.windows import Window, write_windows
from olmoearth_core.kinds import registry

SAMPLES = Path(os.environ.get("OLMOEARTH_SAMPLES", Path(__file__).parents[4] / "shared" / "samples") or "/nowhere")
LON, LAT = 6.58, 0.27


MAPS = [
    ("srtm", "cop_dem_30m.tif", "earth_search", "cop-dem-glo-30", "data", "10_srtm", "srtm.tiles.v1"),
    ("worldcover", "worldcover_2021_10m.tif", "planetary_computer", "esa-worldcover", "map", "10_worldcover",
     "worldcover.tiles.v1"),
]  # fmt: skip


@pytest.mark.parametrize(("modality", "sample", "catalog", "collection", "asset", "folder", "reader"), MAPS)
def test_a_map_of_sao_tome_comes_from_the_catalogue_to_the_store(
    server, tmp_path, modality, sample, catalog, collection, asset, folder, reader
):
    file = SAMPLES / "sao_tome" / sample
    if not file.is_file() or reader not in registry.readers:
        pytest.skip(f"{file} or {reader} is not there")
    with rasterio.open(file) as raster:
        box = list(raster.bounds)
    server.files[f"/{sample}"] = file.read_bytes()
    server.items.append({
        "type": "Feature", "stac_version": "1.0.0", "id": "sao-tome", "collection": collection, "bbox": box,
        "geometry": None, "properties": {"datetime": "2021-04-22T00:00:00Z"}, "links": [],
        "assets": {asset: {"href": f"{server.url}/{sample}"}},
    })  # fmt: skip
    windows = write_windows(tmp_path / "w.csv", [Window(cell_at(LON, LAT), datetime(2021, 6, 15, tzinfo=UTC))])
    words = ["--windows", str(windows), "--catalog", f"{catalog}={server.url}", "--modalities", modality]
    more = ["--items", str(tmp_path / "i.jsonl"), "--cache", str(tmp_path / "cache"), "--workers", "0", "--rate", "99"]
    with pytest.raises(SystemExit, match="0"):
        main(["dataset", "materialize", str(tmp_path / "store"), *words, *more])
    (tile,) = (tmp_path / "store" / folder).glob("*.tif")
    with rasterio.open(tile) as stored, rasterio.open(file) as raster:
        x, y = (values[0] for values in transform("EPSG:4326", stored.crs, [LON], [LAT]))
        row, col = stored.index(x, y)
        lon, lat = (v[0] for v in transform(stored.crs, "EPSG:4326", *([v] for v in stored.xy(row, col))))
        assert stored.read(1)[row, col] == np.rint(raster.read(1)[raster.index(lon, lat)])
        assert stored.read(1).any()
