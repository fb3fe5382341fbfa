"""STAC items as catalogues give them: what is corrected is read, what is not is refused until that is accepted."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from olmoearth_sentinel1.grd_safe import grd_safe
from olmoearth_sentinel1.stac_file import Item
from olmoearth_sentinel1.stac_item import stac_item

from olmoearth_core import modalities
from olmoearth_core.errors import ConfigError, DataError, OtherModality
from olmoearth_core.readers.contract import check

RECORDED = Path(__file__).parents[2] / "olmoearth-stac" / "tests" / "recorded"
STORED = np.array([[0.25, -32768.0, 0.0], [1e-4, 2.0, np.nan]], np.float32)


def rewritten(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.fixture
def item(tmp_path, backscatter):
    """A `sentinel-1-rtc` item of Planetary Computer beside its files; takes what else it says."""

    def made(collection="sentinel-1-rtc", asset=None, **properties):
        assets = {}
        for band, factor in (("vv", 1), ("vh", 0.5)):
            values = np.where(STORED == -32768, STORED, np.float32(factor) * STORED)
            backscatter(tmp_path / f"iw-{band}.rtc.tiff", values, crs="EPSG:32631")
            assets[band] = {"href": f"./iw-{band}.rtc.tiff", **({} if asset is None else asset)}
        known = {
            "datetime": "2021-06-14T05:41:05.873000Z", "platform": "SENTINEL-1A", "sar:instrument_mode": "IW",
            "sar:polarizations": ["VV", "VH"], "sar:product_type": "GRD",
        }  # fmt: skip
        content = {
            "type": "Feature", "stac_version": "1.0.0", "collection": collection, "assets": assets,
            "id": "S1A_IW_GRDH_1SDV_20210614T054053_20210614T054118_038331_0485F3_rtc",
            "properties": {**known, **properties},
        }  # fmt: skip
        (tmp_path / "item.json").write_text(json.dumps(content))
        return tmp_path / "item.json"

    return made


@pytest.fixture
def grd_item(product):
    """A `sentinel-1-grd` item of Earth Search beside its files."""
    folder = product.parent / "item"
    folder.mkdir()
    assets = {}
    kinds = {"": "measurement/*-{}-*", "schema-product-": "annotation/*-{}-*.xml"}
    kinds |= {f"schema-{k}-": f"annotation/calibration/{k}-*-{{}}-*" for k in ("calibration", "noise")}
    for band in ("vv", "vh"):
        for prefix, pattern in kinds.items():
            file = next(product.glob(pattern.format(band)))
            shutil.copy(file, folder / file.name)
            assets[f"{prefix}{band}"] = {"href": f"./{file.name}"}
    properties = {"datetime": "2021-06-14T05:41:05.873000Z", "platform": "sentinel-1a", "sar:instrument_mode": "IW"}
    content = {
        "type": "Feature", "stac_version": "1.0.0", "collection": "sentinel-1-grd", "assets": assets,
        "id": product.name.removesuffix(".SAFE"), "properties": {**properties, "sar:product_type": "GRD"},
    }  # fmt: skip
    (folder / "item.json").write_text(json.dumps(content))
    return folder / "item.json"


def test_planetary_computer_declares_gamma0_power_by_its_collection(item, spec):
    path = str(item())
    assert stac_item().recognises(path)
    array = stac_item().read(path, spec)
    assert array.values[0, 0] == pytest.approx(np.array([[0.25, np.nan, np.nan], [1e-4, 2, np.nan]]), nan_ok=True)
    assert array.sel(band="vh").values[0, 1, 1] == 1.0
    assert array.attrs["units"] == "gamma0 linear power"
    assert str(array["time"].values[0])[:23] == "2021-06-14T05:41:05.873"
    assert (array.rio.crs.to_string(), float(array["x"][0]), float(array["y"][0])) == ("EPSG:32631", 500005, 5599995)
    assert stac_item().clear(path, spec) is None
    check(array, spec)


def test_what_is_said_otherwise_is_refused(item, spec):
    with pytest.raises(DataError, match='collection sentinel-1-rtc says "power", the option units says "db"'):
        stac_item(units="db").read(str(item()), spec)
    with pytest.raises(DataError, match='says "power", vv raster:bands unit says "db"'):
        stac_item().read(str(item(asset={"raster:bands": [{"unit": "dB"}]})), spec)


def test_other_corrected_collections_must_declare_their_unit(item, spec):
    path = str(item(collection="our-s1", **{"sar:product_type": "RTC"}))
    with pytest.raises(DataError, match="nothing says what its values are"):
        stac_item().read(path, spec)
    assert stac_item(units="amplitude").read(path, spec).values[0, 0, 0, 0] == 0.0625
    path = str(item(collection="our-s1-nrb", asset={"unit": "dB", "raster:bands": [{"nodata": 2.0}]}))
    values = stac_item().read(path, spec).values[0, 0]
    assert values[0, 0] == pytest.approx(10**0.025)
    assert np.isnan(values).tolist() == [[False, True, False], [False, True, True]]


def test_earth_search_is_uncorrected_and_refused_until_that_is_accepted(grd_item, product, spec):
    path = str(grd_item)
    assert stac_item().recognises(path)
    with pytest.raises(DataError, match=r"sentinel-1-grd, sentinel-1a is ground range detected .* accept_uncorrected"):
        stac_item().read(path, spec)
    for options in ({}, {"backscatter": "gamma0"}, {"remove_noise": True}):
        array = stac_item(accept_uncorrected=True, **options).read(path, spec)
        expected = grd_safe(accept_uncorrected=True, **options).read(str(product), spec)
        assert np.array_equal(array.values, expected.values, equal_nan=True)
        assert array.attrs["units"] == expected.attrs["units"]
    check(array, spec)


def test_grd_needs_its_annotation_beside_it(grd_item, spec):
    reader = stac_item(accept_uncorrected=True)
    place = "https://example.org/a.xml"
    rewritten(grd_item, lambda c: c["assets"]["schema-calibration-vv"].update(href=place))
    with pytest.raises(DataError, match=r"schema-calibration-vv is at https://example.org/a\.xml\. Fetch it"):
        reader.read(str(grd_item), spec)
    rewritten(grd_item, lambda c: c["assets"].pop("schema-product-vv"))
    with pytest.raises(DataError, match="has no asset schema-product-vv"):
        reader.read(str(grd_item), spec)
    assert reader.read(str(grd_item), spec, bands=["vh"])["band"].values.tolist() == ["vh"]


@pytest.mark.parametrize(("name", "corrected"), [("pc_sentinel-1-rtc", True), ("es_sentinel-1-grd", False)])
def test_recorded_items_are_told_apart(spec, name, corrected):
    path = str(RECORDED / f"{name}.json")
    if not RECORDED.is_dir():
        pytest.skip("olmoearth-stac is not beside this package")
    assert stac_item().recognises(path)
    if not corrected:
        with pytest.raises(DataError, match="not terrain corrected"):
            stac_item().read(path, spec)


def test_addresses_are_kept_and_files_are_sought_beside_the_item(item, tmp_path):
    path = item()
    href = "https://example.org/a/iw-vv.rtc.tiff?token=x"
    rewritten(path, lambda content: content["assets"]["vv"].update(href=href))
    found = Item.open(str(path))
    assert found.place("vv") == href
    assert Path(found.place("vh")).resolve() == tmp_path / "iw-vh.rtc.tiff"


CHANGES = [
    (
        {"properties": {"platform": "sentinel-2a"}, "collection": "s2"},
        "an item of s2, sentinel-2a, expected Sentinel-1",
    ),
    ({"id": "S1A_EW_GRDM_1SDV_20210614T054053"}, "mode EW"),
    ({"id": "S1A_IW_GRDH_1SDH_20210614T054053"}, "HH and HV"),
    ({"assets": {"hh": {"href": "a.tif"}}}, "assets hh are no polarisations, expected vv and vh"),
    ({"assets": {"vv": {"href": "/vsicurl/http://x/a.tif"}}}, r"expected \.tif"),
    ({"assets": {"vv": {"href": "ftp://x/a.tif"}}}, "expected a path or URL"),
    ({"assets": {"vv": {"href": "http://[x/a.tif"}}}, "expected a path or URL"),
    ({"assets": {"vv": {"href": "a.vrt"}}}, r"expected \.tif"),
    ({"assets": {"vv": {}}}, "asset vv is at 'None'"),
    ({"assets": {"vv": {"href": "none.tif"}}}, r"none\.tif: not found"),
    ({"assets": []}, "no properties or no assets"),
    ({"type": "FeatureCollection"}, "is no STAC item"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_items_of_others_and_strange_addresses_are_refused(item, spec, change, message):
    path = item()
    rewritten(path, lambda content: content.update(change))
    with pytest.raises(DataError, match=message):
        stac_item().read(str(path), spec)


def test_mode_time_and_kind_of_file_are_tested(item, spec, tmp_path, backscatter):
    with pytest.raises(DataError, match="sar:instrument_mode is 'SM', expected IW"):
        stac_item().read(str(item(**{"sar:instrument_mode": "SM"})), spec)
    with pytest.raises(DataError, match='its datetime is "None"'):
        stac_item().read(str(item(datetime=None)), spec)
    path = item()
    backscatter(tmp_path / "iw-vv.rtc.tiff", np.ones((2, 2), np.uint16))
    with pytest.raises(DataError, match="values are uint16, expected float32"):
        stac_item().read(str(path), spec)
    backscatter(tmp_path / "iw-vv.rtc.tiff", np.ones((2, 2, 2), np.float32))
    with pytest.raises(DataError, match="has 2 bands, expected one"):
        stac_item().read(str(path), spec)


def test_what_is_no_json_is_neither_recognised_nor_read(tmp_path, spec):
    for name, content in (("a.json", b"{"), ("b.json", b"[" * 100_000), ("c.json", b"\xff\xfe"), ("d.txt", b"{}")):
        (tmp_path / name).write_bytes(content)
        assert not stac_item().recognises(str(tmp_path / name))
        with pytest.raises(DataError, match=name):
            stac_item().read(str(tmp_path / name), spec)


def test_options_and_other_modalities_are_refused(item):
    with pytest.raises(ConfigError, match='expected "power"'):
        stac_item(units="linear")
    with pytest.raises(ConfigError, match='expected "sigma0"'):
        stac_item(backscatter="")
    with pytest.raises(OtherModality):
        stac_item().read(str(item()), modalities(["srtm"])[0])
