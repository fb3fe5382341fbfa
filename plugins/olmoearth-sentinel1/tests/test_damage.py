"""Whatever a byte of a file is turned into, the answer is values or a `DataError` that names the file."""

import json

import numpy as np
import pytest
from olmoearth_sentinel1.grd_safe import grd_safe
from olmoearth_sentinel1.rtc import rtc
from olmoearth_sentinel1.stac_item import stac_item

from olmoearth_core.testing.damaged_reader import faults, outcome

# GDAL quotes names of damaged files in warnings that are no text, at which rasterio's logging stumbles harmlessly.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.mark.parametrize("pattern", ["annotation/*-vv-*", "calibration-*-vh-*", "noise-*-vv-*", "measurement/*-vv-*"])
def test_damaged_products_are_values_or_a_named_error(product, spec, pattern):
    reader = grd_safe(accept_uncorrected=True, remove_noise=True)
    assert faults(reader, product, next(product.rglob(pattern)), spec, seed=len(pattern))


@pytest.mark.parametrize("value", ["1e308", "-1e308", "0", "1e-308", "99999999999999999999", "0x10", "", "nan", "1 2"])
def test_strange_numbers_are_values_or_a_named_error(product, spec, value):
    reader = grd_safe(accept_uncorrected=True, remove_noise=True)
    places = {
        "annotation/*-vv-*": ("<line>10<", "<pixel>0<", "<numberOfLines>21<"),
        "calibration-*-vv-*": ("<line>20<", ">0 10 30<", "1.000000e+02"),
        "noise-*-vv-*": ("<line>20<", ">10000 40000<", "<firstAzimuthLine>10<", "<lastRangeSample>30<", ">3 3<"),
    }
    for pattern, olds in places.items():
        file = next(product.rglob(pattern))
        content = file.read_text()
        for old in olds:
            assert old in content
            new = f">{value}<".join(("" if old[0] == ">" else old.partition(">")[0], "")) if "<" in old else value
            file.write_text(content.replace(old, new))
            message = outcome(reader, product, spec)
            assert message == "" or str(product) in message
        file.write_text(content)


def test_damaged_geotiffs_are_values_or_a_named_error(tmp_path, backscatter, spec):
    file = backscatter(
        tmp_path / "s1_20210721.tif", np.ones((2, 4, 4), np.float32), names=("vv", "vh"), tags={"units": "power"}
    )
    assert faults(rtc(), file, file, spec, seed=1, times=150)
    single = backscatter(tmp_path / "x_20210721_VV.tif", np.ones((4, 4), np.float32))
    assert faults(rtc(units="power"), single, single, spec, seed=2, times=100)


@pytest.fixture
def item(tmp_path, backscatter):
    backscatter(tmp_path / "vv.tif", np.ones((4, 4), np.float32))
    content = {
        "type": "Feature", "stac_version": "1.0.0", "id": "x", "collection": "sentinel-1-rtc",
        "properties": {"datetime": "2021-06-14", "platform": "sentinel-1a", "sar:instrument_mode": "IW"},
        "assets": {"vv": {"href": "vv.tif", "unit": "power", "bands": [{"nodata": 0, "raster:unit": "power"}]}},
    }  # fmt: skip
    (tmp_path / "item.json").write_text(json.dumps(content))
    return tmp_path / "item.json"


def test_damaged_items_are_values_or_a_named_error(item, spec):
    assert faults(stac_item(), item, item, spec, seed=3, times=300)


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, [1], [None], True, float("nan"), 1e400, 10**400])
def test_items_with_values_of_another_kind_are_values_or_a_named_error(item, spec, value):
    content = json.loads(item.read_text())
    asset, properties = content["assets"]["vv"], content["properties"]
    slots = [(holder, key) for holder in (content, properties, asset, asset["bands"][0]) for key in list(holder)]
    for holder, key in slots:
        kept = holder[key]
        holder[key] = value
        item.write_text(json.dumps(content))
        message = outcome(stac_item(), item, spec)
        assert message == "" or "item.json" in message or "vv.tif" in message
        holder[key] = kept
