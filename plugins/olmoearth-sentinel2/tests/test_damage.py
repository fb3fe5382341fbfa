"""Whatever a byte of a file is turned into, the answer is values or a `DataError` that names the file."""

import json

import numpy as np
import pytest
from olmoearth_sentinel2.band_files import band_files
from olmoearth_sentinel2.safe import safe
from olmoearth_sentinel2.stac_item import stac_item
from olmoearth_sentinel2.stacked import stacked

from olmoearth_core.testing.damaged_reader import faults, outcome

# GDAL quotes names of damaged files in warnings that are no text, at which rasterio's logging stumbles harmlessly.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.mark.parametrize("kind", ["2A", "1C"])
def test_damaged_products_are_values_or_a_named_error(product, l2a, l1c, kind):
    root, spec = product(kind), l2a if kind == "2A" else l1c
    victims = [next(root.glob("MTD_*.xml")), next(root.rglob("*_B03*.jp2"))]
    victims.append(next(root.rglob("*SCL*.jp2" if kind == "2A" else "MSK_CLASSI*")))
    assert [v.name for n, v in enumerate(victims) if not faults(safe(), root, v, spec, seed=n)] == []


def test_damaged_geotiffs_are_values_or_a_named_error(tmp_path, raster, dn, l2a):
    folder = tmp_path / "S2A_MSIL2A_20220601T104629"
    raster(folder / "B02.tif", dn("B02", 10), 10)
    assert faults(band_files(), folder, folder / "B02.tif", l2a, seed=1, times=150)
    file = tmp_path / "s2_l2a_20220601.tif"
    raster(file, np.ones((2, 4, 4), np.uint16), 10, names=["B02", "B03"], tags={"scale": "DN/10000"})
    assert faults(stacked(), file, file, l2a, seed=2, times=150)


def test_damaged_items_are_values_or_a_named_error(tmp_path, raster, dn, l2a):
    raster(tmp_path / "B02.tif", dn("B02", 10), 10)
    item = tmp_path / "item.json"
    properties = {"datetime": "2022-06-01", "platform": "Sentinel-2A", "s2:processing_baseline": "05.10"}
    content = {
        "type": "Feature", "stac_version": "1.0.0", "id": "x", "collection": "sentinel-2-l2a",
        "properties": properties, "assets": {"B02": {"href": "B02.tif", "bands": [{"raster:offset": -0.1}]}},
    }  # fmt: skip
    item.write_text(json.dumps(content))
    assert faults(stac_item(), item, item, l2a, seed=3, times=300)


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, [1], [None], True, float("nan"), 1e400])
def test_items_with_values_of_another_kind_are_values_or_a_named_error(tmp_path, raster, dn, l2a, value):
    raster(tmp_path / "B02.tif", dn("B02", 10), 10)
    item = tmp_path / "item.json"
    said = []
    for place in range(11):
        properties = {"datetime": "2022-06-01", "platform": "Sentinel-2A", "s2:processing_baseline": "05.10"}
        asset = {"href": "B02.tif", "raster:offset": -0.1, "raster:scale": 1e-4, "bands": [{}], "raster:bands": [{}]}
        content = {"type": "Feature", "stac_version": "1.0.0", "id": "MSIL2A", "collection": "sentinel-2-l2a"}
        keys = [(content, k) for k in ("id", "collection")] + [(properties, k) for k in properties]
        keys += [(asset, k) for k in asset] + [(properties, "eo:cloud_cover")]
        into, key = keys[place]
        into[key] = value
        item.write_text(json.dumps({**content, "properties": properties, "assets": {"B02": asset, "SCL": asset}}))
        said.append(outcome(stac_item(), item, l2a))
    assert all(message == "" or "item.json" in message for message in said)
