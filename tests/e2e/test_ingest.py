"""Real maps and heights become tiles whose pixels are those of the files."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform as reproject

from olmoearth_core.cli.dataset_ingest import ready
from olmoearth_core.cli.main import main
from olmoearth_core.convert.grid import Cell
from olmoearth_core.convert.rasters import load
from olmoearth_core.convert.tiles import read_table, tile_path
from olmoearth_core.errors import DataError
from olmoearth_core.lookup import modalities

SAMPLES = Path(os.environ.get("OLMOEARTH_SAMPLES") or Path(__file__).parents[2] / "../shared/samples").resolve()
PLACES = {"sao_tome": [[6.55, 0.2], [6.6, 0.3]], "andorra": [[1.52, 42.51], [1.6, 42.6]]}


@pytest.fixture
def folder(request):
    if not (SAMPLES / request.param).is_dir():
        pytest.skip(f"no real samples in {SAMPLES}")
    return SAMPLES / request.param


def has_reader(name):
    try:
        return bool(ready(name, None, []))
    except DataError:
        return False


def dataset(*words):
    with pytest.raises(SystemExit) as stop:
        main(["dataset", *map(str, words)])
    assert not stop.value.code


def store_of(folder, name, tmp_path):
    """Select windows, ingest the folder, and return the tiles of one modality and the store."""
    if not has_reader(name):
        pytest.skip(f"no installed package reads {name}")
    (tmp_path / "places.json").write_text(json.dumps(PLACES[folder.name]))
    day = ("--first", "2021-06-01", "--last", "2021-06-01")
    dataset("select", "points", tmp_path / "places.json", tmp_path / "w.csv", *day)
    wanted = ("--windows", tmp_path / "w.csv", "--modalities", name, "--workers", 0)
    dataset("ingest", folder, tmp_path / "store", *wanted)
    (spec,) = modalities([name])
    return spec, read_table(tmp_path / "store", spec).tiles, tmp_path / "store"


def under_centres(path, cell: Cell, crs="EPSG:4326"):
    """Value of the file's pixel under the centre of each pixel of the cell, and how far that lies from its edge."""
    cols, rows = (v.ravel() + 0.5 for v in np.meshgrid(np.arange(256), np.arange(256)))
    x, y = reproject(cell.crs, crs, *(list(v) for v in cell.transform(16) @ (cols, rows)))
    with rasterio.open(path) as raster:
        col, row = ~raster.transform @ (np.array(x), np.array(y))
        values = raster.read(1)[row.astype(int), col.astype(int)]
    edge = np.minimum(np.abs(col - np.round(col)), np.abs(row - np.round(row)))
    return values.reshape(256, 256), edge.reshape(256, 256)


@pytest.mark.parametrize("folder", ["sao_tome"], indirect=True)
def test_land_cover_of_sao_tome_is_that_of_the_map(folder, tmp_path):
    spec, tiles, store = store_of(folder, "worldcover", tmp_path)
    assert len(tiles) == 2
    for cell, tile in tiles.items():
        assert [t.isoformat() for t in tile.starts] == ["2021-01-01T00:00:00+00:00"]
        found = load(store, spec, tile, cell)[:, :, 0, 0]
        expected, edge = under_centres(folder / "worldcover_2021_10m.tif", cell)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found[edge > 0.125], expected[edge > 0.125])
        assert (found != expected).mean() < 0.05
        assert set(np.unique(found)) <= {0, *spec.codes}


@pytest.mark.parametrize("folder", ["andorra"], indirect=True)
def test_heights_of_andorra_are_those_of_the_tile(folder, tmp_path):
    spec, tiles, store = store_of(folder, "srtm", tmp_path)
    for cell, tile in tiles.items():
        found = load(store, spec, tile, cell)[:, :, 0, 0]
        expected, edge = under_centres(f"/vsizip/{folder / 'N42E001.hgt.zip'}/N42E001.hgt", cell)
        sure = edge > 0.125
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found[sure], expected[sure])
        assert 800 < found[found != spec.nodata].min() < found.max() < 2950


@pytest.mark.parametrize("folder", ["andorra"], indirect=True)
def test_the_map_of_andorra_has_its_roads_and_houses(folder, tmp_path):
    spec, tiles, store = store_of(folder, "openstreetmap_raster", tmp_path)
    (path, *_) = [Path(tile_path(store, spec, cell, spec.band_sets[0])) for cell in tiles]
    with rasterio.open(path) as raster:
        assert (raster.count, raster.width, raster.dtypes[0]) == (30, 1024, "uint8")
    found = {cell: load(store, spec, tile, cell)[:, :, 0] for cell, tile in tiles.items()}
    town = found[min(tiles)]
    shares = {band: float(town[..., i].mean()) for i, band in enumerate(spec.band_order)}
    assert set(np.unique(town)) == {0, 1}
    assert 0.005 < shares["highway"] < 0.3
    assert 0.0005 < shares["building"] < 0.3
