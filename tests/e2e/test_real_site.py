"""A real site goes from its raw files to a sample: optical, radar and thermal values end where they belong."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import rasterio

from olmoearth_core.cli.main import main
from olmoearth_core.convert.grid import Cell
from olmoearth_core.data.dataset import Crop, OlmoEarthDataset

SAMPLES = Path(os.environ.get("OLMOEARTH_SAMPLES") or Path(__file__).parents[2] / "../shared/samples").resolve()
SITE = SAMPLES / "sites" / "be_31uds_2018"
CELL = Cell("EPSG:32631", 16, 195, -2199)
NAMES = "sentinel2_l2a,landsat_l2"


def dataset(*words):
    with pytest.raises(SystemExit) as stop:
        main(["dataset", *map(str, words)])
    return stop.value.code or 0


@pytest.fixture(scope="module")
def h5(tmp_path_factory):
    if not SITE.is_dir():
        pytest.skip(f"no real samples in {SAMPLES}")
    folder = tmp_path_factory.mktemp("site")
    (folder / "places.json").write_text(json.dumps([[3.0238, 50.8160]]))
    day = ("--first", "2018-06-01", "--last", "2018-06-01")
    assert dataset("select", "points", folder / "places.json", folder / "w.csv", *day) == 0
    options = ("--option", "classes=sentinel2_scl_20m.tif", "--workers", 0)
    windows = ("--windows", folder / "w.csv", "--modalities", NAMES)
    assert dataset("ingest", SITE, folder / "tiles", *windows, *options) == 0
    rules = ("--min-timesteps", 9, "--workers", 0)
    assert dataset("convert", folder / "tiles", folder / "h5", "--modalities", NAMES, *rules) == 0
    return folder / "h5"


@pytest.fixture(scope="module")
def sample(h5):
    """The one quarter of the tile in which the site lies, as stored."""
    data = OlmoEarthDataset(str(h5), NAMES.split(","), normalize=False)
    data.prepare()
    assert len(data) == 1
    return data, data.sample(0, Crop(1, None, 12))


def raw(name):
    """Values of a file of the site [step, band, y, x], and where its upper left corner lies in the quarter (10 m)."""
    with rasterio.open(SITE / name) as file:
        steps = sorted({text.split(":")[0] for text in file.descriptions})
        values = file.read().reshape(len(steps), -1, file.height, file.width)
        left, top = CELL.top_left
        return steps, values, round((file.transform.c - left) / 10) - 128, round((top - file.transform.f) / 10)


def test_optical_values_are_those_of_the_files_pixel_by_pixel(sample):
    _, found = sample
    _, values, col, row = raw("sentinel2_l2a_10m.tif")
    there = np.zeros((128, 128), dtype=bool)
    rows, cols = slice(max(row, 0), min(row + 64, 128)), slice(max(col, 0), min(col + 64, 128))
    there[rows, cols] = True
    values = values[..., rows.start - row : rows.stop - row, cols.start - col : cols.stop - col]
    arrays = found.arrays["sentinel2_l2a"]
    assert (found.presence["sentinel2_l2a"][:, :, :9, :4].all(axis=(2, 3)) == there).all()
    # The first slot has the image of 17 December alone, the second that of 16 January.
    for slot, step in ((0, 0), (1, 1)):
        np.testing.assert_array_equal(arrays[rows, cols, slot, :4], np.maximum(values[step], 1).transpose(1, 2, 0))


def test_bands_that_the_archive_lacks_are_absent_and_not_zero(sample):
    data, found = sample
    bands = data.specs[[spec.name for spec in data.specs].index("sentinel2_l2a")].band_order
    present = found.presence["sentinel2_l2a"].any(axis=(0, 1, 2))
    assert [band for band, there in zip(bands, present, strict=True) if not there] == ["B01", "B09"]


def test_temperatures_of_a_second_band_set_of_one_resolution_are_kelvin(sample):
    data, found = sample
    spec = next(spec for spec in data.specs if spec.name == "landsat_l2")
    thermal = [spec.band_order.index(band) for band in ("B10", "B11")]
    values = found.arrays["landsat_l2"][..., thermal][found.presence["landsat_l2"][..., thermal]]
    assert values.size > 1000
    assert 2600 < values.min() < values.max() < 3300
    visible = spec.band_order.index("B2")
    reflectance = found.arrays["landsat_l2"][..., visible][found.presence["landsat_l2"][..., visible]]
    assert reflectance.max() < 2400
