"""STAC items: names of three catalogues, and the offset as each of them declares it."""

import json
from pathlib import Path

import numpy as np
import pytest
from olmoearth_sentinel2.stac_item import NAMES, stac_item

from olmoearth_core.errors import DataError

PC, ES, CDSE = "Planetary Computer", "Earth Search", "Copernicus Data Space"
BANDS = {"B02": 10, "B8A": 20, "B09": 60}
APPLIED = "earthsearch:boa_offset_applied"


@pytest.fixture
def item(tmp_path, raster, dn):
    """Takes a catalogue, properties and fields of band assets, and returns the path of an item with three bands."""

    def made(catalog, properties, asset=None, **more):
        assets = {}
        for band, meters in {**BANDS, "SCL": 20}.items():
            values = dn(band, meters) if band != "SCL" else np.tile(np.array([4, 9], np.uint8), (6, 3))
            raster(tmp_path / "files" / f"{band}.tif", values, meters)
            extra = {} if band == "SCL" else asset or {}
            assets[NAMES[catalog][band]] = {"href": f"./files/{band}.tif", **extra}
        known = {"datetime": "2022-06-01T10:46:29.024Z", "constellation": "Sentinel 2", "eo:cloud_cover": 7}
        content = {
            "type": "Feature", "stac_version": "1.0.0", "id": "S2A_MSIL2A_x", "collection": "sentinel-2-l2a",
            "properties": {**known, **properties}, "assets": assets, **more,
        }  # fmt: skip
        (tmp_path / "item.json").write_text(json.dumps(content))
        return str(tmp_path / "item.json")

    return made


def edited(path, **more):
    content = {**json.loads(Path(path).read_text()), **more}
    Path(path).write_text(json.dumps(content))
    return content


def raster_bands(offset):
    return {"raster:bands": [{"scale": 0.0001, "offset": offset}]}


def raster_fields(offset):
    return {"raster:scale": 0.0001, "raster:offset": offset}


DECLARED = [
    (PC, {"s2:processing_baseline": "02.12"}, None, 0),
    (PC, {"s2:processing_baseline": "03.01"}, None, 0),
    (PC, {"s2:processing_baseline": "04.00"}, None, -1000),
    (PC, {"s2:processing_baseline": "05.10"}, None, -1000),
    # Earth Search goes on to declare -0.1 in raster:bands where it has removed the offset.
    (ES, {APPLIED: True, "s2:processing_baseline": "05.09"}, raster_bands(-0.1), 0),
    (ES, {APPLIED: False, "s2:processing_baseline": "04.00"}, raster_bands(-0.1), -1000),
    (ES, {APPLIED: False, "s2:processing_baseline": "02.14"}, raster_bands(0), 0),
    # Its collection sentinel-2-c1-l2a has no such property.
    (ES, {"s2:processing_baseline": "05.00"}, raster_bands(-0.1), -1000),
    (CDSE, {"processing:version": "05.11"}, raster_fields(-0.1), -1000),
    (CDSE, {}, raster_fields(0), 0),
    (CDSE, {}, {"bands": [{"name": "B02", "raster:scale": 0.0001, "raster:offset": -0.1}]}, -1000),
    (CDSE, {"processing:version": "05.11"}, None, -1000),
]


@pytest.mark.parametrize(("catalog", "properties", "asset", "offset"), DECLARED)
def test_the_offset_is_what_the_catalogue_declares(item, l2a, catalog, properties, asset, offset):
    array = stac_item().read(item(catalog, properties, asset), l2a)
    top = {0: [np.nan, 1, 999, 1000, 1001, 1500, 2100], -1000: [np.nan, 1, 1, 1, 1, 500, 1100]}[offset]
    assert np.array_equal(array.sel(band="B02").values[0, 0, :7], top, equal_nan=True)
    assert array["band"].values.tolist() == ["B02", "B8A", "B09"]
    assert array.values[0, :, 11, 0].tolist() == [2111 + offset, 2805 + offset, 2901 + offset]


UNDECLARED = [
    (PC, {}, None, "nothing declares the offset"),
    (PC, {"s2:processing_baseline": "99.99"}, None, "nothing declares the offset"),
    (PC, {"s2:processing_baseline": "new"}, None, "nothing declares the offset"),
    # Changed or not, nobody knows: Earth Search does both.
    (ES, {"s2:processing_baseline": "05.09"}, None, "nothing declares the offset"),
    (ES, {APPLIED: False}, raster_bands(-0.1), "does not say whether there is an offset"),
    (ES, {APPLIED: "no", "s2:processing_baseline": "05.09"}, None, "is 'no', expected true or false"),
    (CDSE, {"processing:version": "05.11"}, raster_fields(0), "declarations of the offset disagree"),
    (CDSE, {}, raster_fields(-0.05), "the offset is -0.05"),
    (CDSE, {}, {"raster:offset": 0, "raster:scale": 1}, "is scale 1, offset 0"),
    (CDSE, {}, raster_fields("x"), "offset 'x'"),
]


@pytest.mark.parametrize(("catalog", "properties", "asset", "message"), UNDECLARED)
def test_an_offset_that_nobody_or_everybody_declares_is_refused_but_can_be_given(
    item, l2a, catalog, properties, asset, message
):
    path = item(catalog, properties, asset)
    with pytest.raises(DataError, match=message):
        stac_item().read(path, l2a)
    values = stac_item(offset=-1000).read(path, l2a).values
    assert values[0, :, 11, 0].tolist() == [1111, 1805, 1901]


def test_the_metadata_of_esa_beside_the_item_is_heard(item, l2a, metadata_xml, tmp_path):
    (tmp_path / "m.xml").write_text(metadata_xml("2A", [], [-1000] * 13))
    path = item(PC, {})
    content = edited(path)
    edited(path, assets={**content["assets"], "product-metadata": {"href": "m.xml"}})
    assert float(stac_item().read(path, l2a).sel(band="B02")[0, 11, 0]) == 1111
    edited(path, properties={**content["properties"], "s2:processing_baseline": "02.12"})
    with pytest.raises(DataError, match=r"02\.12 says 0, product-metadata says -1000"):
        stac_item().read(path, l2a)


@pytest.mark.parametrize("catalog", list(NAMES))
def test_place_time_clouds_and_clear_sky_come_with_it(item, l2a, catalog):
    path = item(catalog, {"s2:processing_baseline": "02.12", APPLIED: False})
    array, clear = stac_item().read(path, l2a), stac_item().clear(path, l2a)
    assert array.shape == (1, 3, 12, 12)
    assert str(array["time"].values[0])[:19] == "2022-06-01T10:46:29"
    assert array.attrs["cloud_cover"] == 7
    assert clear.values[0, 0].tolist() == [True, True, False, False] * 3
    assert np.array_equal(clear["x"], array["x"])


def test_only_the_bands_asked_for_must_be_there(item, l2a, tmp_path):
    path = item(PC, {"s2:processing_baseline": "05.10"})
    (tmp_path / "files" / "B8A.tif").unlink()
    assert stac_item().read(path, l2a, bands=["B09", "B02"])["band"].values.tolist() == ["B02", "B09"]
    with pytest.raises(DataError, match=r"B8A\.tif: not found"):
        stac_item().read(path, l2a)
    with pytest.raises(DataError, match="has no band B03, only B02, B8A, B09"):
        stac_item().read(path, l2a, bands=["B03"])


def test_level_1c_items_are_the_other_modality(item, l2a, l1c):
    path = item(PC, {"s2:processing_baseline": "05.10"}, collection="sentinel-2-l1c", id="S2A_MSIL1C_x")
    assert stac_item().read(path, l1c).attrs["modality"] == "sentinel2"
    assert stac_item().clear(path, l1c) is None
    with pytest.raises(DataError, match=r"Ask for sentinel2,"):
        stac_item().read(path, l2a)
    unsaid = item(PC, {}, collection="sentinel-2", id="x")
    with pytest.raises(DataError, match="does not say whether it is Level-2A or Level-1C"):
        stac_item().read(unsaid, l2a)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"assets": {"blue": {"href": "b.tif"}}, "collection": "landsat-c2-l2", "properties": {}}, "landsat-c2-l2"),
        ({"assets": {"visual": {"href": "v.tif"}}}, "assets visual are no bands"),
        ({"assets": {"B02": {"href": "/vsicurl/http://x/a.tif"}}}, "expected .tif"),
        ({"assets": {"B02": {"href": "ftp://x/a.tif"}}}, "expected a path or URL"),
        ({"assets": {"B02": {"href": "a.vrt"}}}, "expected .tif"),
        ({"assets": {"B02": {}}}, "asset B02 is at 'None', expected"),
        ({"properties": {"constellation": "sentinel-2", "datetime": None}}, "datetime is"),
        ({"assets": []}, "no properties or no assets"),
        ({"type": "FeatureCollection"}, "no STAC item"),
    ],
)
def test_items_of_others_and_strange_addresses_are_refused(item, l2a, more, message):
    path = item(PC, {"s2:processing_baseline": "05.10"})
    edited(path, **more)
    with pytest.raises(DataError, match=message):
        stac_item().read(path, l2a)


def test_what_is_no_json_is_neither_recognised_nor_read(tmp_path, l2a):
    for name, content in (("a.json", b"{"), ("b.json", b"[" * 100_000), ("c.json", b"\xff\xfe"), ("d.txt", b"{}")):
        (tmp_path / name).write_bytes(content)
        assert not stac_item().recognises(str(tmp_path / name))
        with pytest.raises(DataError, match=name):
            stac_item().read(str(tmp_path / name), l2a)
