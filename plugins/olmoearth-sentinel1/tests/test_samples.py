"""Every real Sentinel-1 file of the samples by the right reader with the right values, and refused by the wrong."""

import numpy as np
import pytest
import rasterio
from olmoearth_sentinel1.grd_safe import grd_safe
from olmoearth_sentinel1.rtc import rtc
from olmoearth_sentinel1.stac_item import stac_item

from olmoearth_core.errors import DataError
from olmoearth_core.ingest.local import products
from olmoearth_core.readers.contract import check

BIG = "eval/bigearthnet/S1A_IW_GRDH_1SDV_20170617T064724_29UPU_"
FLOODS = "eval/sen1floods11/Spain_7370579"
DB = {"units": "db"}
# The flood chips name neither unit nor day; the day is an example.
CHIP = {"units": "db", "time": "2019-09-17"}
# Options; first pixel of the first step (vv, vh); smallest, largest, mean; what is said to be measured.
FACTS = {
    "sites/be_31uds_2018/sentinel1_20m.tif": (
        {}, (12, 2, 32, 32), "EPSG:32631", [0.1931612491607666, 0.02295725792646408],
        (0.0004500077629927546, 13.175890922546387, 0.13463740085203332), "sigma0"),
    "sites/be_31ufs_2021/sentinel1_10m.tif": (
        {}, (12, 2, 100, 100), "EPSG:32631", [0.07191507518291473, 0.019077196717262268],
        (0.0017151880310848355, 4.097218036651611, 0.07759632266466118), "sigma0"),
    "sites/tm_brazil_coast/sentinel1_10m.tif": (
        {}, (1, 2, 224, 224), "EPSG:32722", [0.2639273405075073, 0.050845205783843994],
        (0.000656428630463779, 1.111846685409546, 0.05820640624985841), "gamma0"),
    "sites/tm_denmark/sentinel1_10m.tif": (
        {}, (1, 2, 224, 224), "EPSG:32632", [0.07621338218450546, 0.013335213996469975],
        (0.0017911213217303157, 1.8401098251342773, 0.07759183219276244), "gamma0"),
    "sites/tm_serengeti/sentinel1_10m.tif": (
        {}, (1, 2, 224, 224), "EPSG:32736", [0.058715127408504486, 0.01357727125287056],
        (0.0007553095929324627, 0.5643681287765503, 0.041934946223757284), "gamma0"),
    f"{BIG}36_85_VV.tif": (
        DB, (1, 2, 120, 120), "EPSG:32629", [0.10800644010305405, 0.025035535916686058],
        (0.0003449583309702575, 2.569099187850952, 0.050423887546102275), "backscatter"),
    f"{BIG}4_55_VV.tif": (
        DB, (1, 2, 120, 120), "EPSG:32629", [0.10567758977413177, 0.05459616333246231],
        (0.0010589308803901076, 2.752713441848755, 0.061812344748416057), "backscatter"),
    f"{FLOODS}ne_S1Hand.tif": (
        CHIP, (1, 2, 256, 256), "EPSG:4326", [0.060025405138731, 0.0038037372287362814],
        (1.9676679585245438e-05, 82.53181457519531, 0.0806345573775268), "backscatter"),
    f"{FLOODS}nw_S1Hand.tif": (
        CHIP, (1, 2, 256, 256), "EPSG:4326", [0.12766045331954956, 0.014282964169979095],
        (1.9724144294741563e-05, 101.13349914550781, 0.11458792386161021), "backscatter"),
    f"{FLOODS}sw_S1Hand.tif": (
        CHIP, (1, 2, 256, 256), "EPSG:4326", [0.15740859508514404, 0.010188848711550236],
        (3.3027718018274754e-05, 367.0771484375, 0.15020761946846434), "backscatter"),
}  # fmt: skip
TIMES = {
    "sites/be_31uds_2018/sentinel1_20m.tif": ("2017-12-04T00:00:00", "2018-11-05T00:00:00"),
    "sites/be_31ufs_2021/sentinel1_10m.tif": ("2020-11-01T00:00:00", "2021-10-01T00:00:00"),
    "sites/tm_brazil_coast/sentinel1_10m.tif": ("2021-07-21T08:40:10",) * 2,
    "sites/tm_denmark/sentinel1_10m.tif": ("2017-10-30T05:32:30",) * 2,
    "sites/tm_serengeti/sentinel1_10m.tif": ("2023-06-10T16:04:18",) * 2,
    f"{BIG}4_55_VV.tif": ("2017-06-17T06:47:24",) * 2,
}


def opened(samples, name, spec):
    return rtc(**FACTS[name][0]).read(str(samples / name), spec)


@pytest.mark.parametrize("name", FACTS)
def test_values_bounds_units_and_nodata_are_right(samples, spec, name):
    _, shape, crs, corner, (low, high, mean), measure = FACTS[name]
    array = opened(samples, name, spec)
    values = array.values
    assert (array.shape, array.rio.crs.to_string(), int(np.isnan(values).sum())) == (shape, crs, 0)
    assert values[0, :, 0, 0] == pytest.approx(corner, rel=1e-6)
    assert (values.min(), values.max()) == pytest.approx((low, high), rel=1e-6)
    assert values.mean(dtype=np.float64) == pytest.approx(mean, rel=1e-6)
    assert (array.attrs["units"], array.attrs["quantity"]) == (f"{measure} linear power", "linear_power")
    assert array["band"].values.tolist() == ["vv", "vh"]
    check(array, spec)


def test_decibels_become_power_pixel_by_pixel(samples, spec):
    array = opened(samples, f"{BIG}36_85_VV.tif", spec)
    for band in ("vv", "vh"):
        with rasterio.open(samples / f"{BIG}36_85_{band.upper()}.tif") as raster:
            decibels = raster.read(1)
        assert decibels.min() < -20
        assert np.allclose(10 * np.log10(array.sel(band=band).values[0]), decibels, atol=1e-4)


def test_power_is_left_as_it_is(samples, spec):
    name = "sites/be_31uds_2018/sentinel1_20m.tif"
    with rasterio.open(samples / name) as raster:
        stored = raster.read().reshape(12, 2, 32, 32)
    assert np.array_equal(opened(samples, name, spec).values, stored)


@pytest.mark.parametrize("name", TIMES)
def test_times_are_those_of_bands_tags_or_names(samples, spec, name):
    times = [str(t)[:19] for t in opened(samples, name, spec)["time"].values]
    assert (times[0], times[-1]) == TIMES[name]
    assert times == sorted(times)


def test_files_that_do_not_say_their_unit_are_refused_until_it_is_declared(samples, spec):
    for name in (f"{BIG}36_85_VH.tif", f"{FLOODS}ne_S1Hand.tif"):
        with pytest.raises(DataError, match="nothing says what its values are"):
            rtc(time="2019-09-17").read(str(samples / name), spec)
    with pytest.raises(DataError, match="nothing says when it was taken"):
        rtc(units="db").read(str(samples / f"{FLOODS}ne_S1Hand.tif"), spec)


def test_a_wrong_declaration_is_refused_by_tag_or_by_value(samples, spec):
    with pytest.raises(DataError, match='its tag units says "power", the option units says "db"'):
        rtc(units="db").read(str(samples / "sites/tm_denmark/sentinel1_10m.tif"), spec)
    with pytest.raises(DataError, match=r"declared as power, but .* values are negative, as decibels are"):
        _ = rtc(units="power").read(str(samples / f"{BIG}36_85_VV.tif"), spec).values


def test_a_walk_through_all_samples_finds_each_image_once(samples):
    readers = [grd_safe(), rtc(), stac_item()]
    found = {
        path.removeprefix(f"{samples}/"): [r.name for r in knowing] for path, knowing in products(samples, readers)
    }
    assert found == {name: ["sentinel1.rtc.v1"] for name in FACTS}


STRANGERS = {
    "landsat8_l1_elkton": "no Sentinel-1 image by its name",
    "landsat8_l1_elkton/L8-B2-Elkton-VA.tiff": "no Sentinel-1 image by its name",
    "sites/be_31uds_2018/landsat8_sr_10m.tif": "are not of Sentinel-1",
    "sites/be_31uds_2018/sentinel2_l2a_10m.tif": "2017-12-17:B02.* are not of Sentinel-1",
    "eval/sen1floods11/Spain_7370579ne_S2Hand.tif": "B1, B2.* are not of Sentinel-1",
    "eval/bigearthnet": "2 images .*Give one of their files",
    "eval/bigearthnet/S2A_MSIL2A_20170617T113321_36_85_B02.tif": "no Sentinel-1 image by its name",
    "stacked_gee/98-togo_2019-02-06_2020-02-01.tif": "B1, B2.* are not of Sentinel-1.*a mixed stack",
    "eval/m-eurosat/id_1905.hdf5": "no Sentinel-1 image by its name",
    "eval/m-eurosat/band_stats.json": "is no STAC item",
    "sao_tome/worldcover_2021_10m.tif": "no Sentinel-1 image by its name",
    "andorra/N42E001.hgt.zip": "expected the folder or zip of a GRD product",
}


@pytest.mark.parametrize("name", STRANGERS)
def test_other_products_are_refused_by_every_reader_and_one_says_what_is_wrong(samples, spec, name):
    said = []
    for reader in (grd_safe(accept_uncorrected=True), rtc(units="db", time="2021-07-21"), stac_item(units="db")):
        path = str(samples / name)
        assert not reader.recognises(path)
        with pytest.raises(DataError, match=name.rpartition("/")[2]) as error:
            reader.read(path, spec)
        said.append(str(error.value))
    with pytest.raises(AssertionError, match=STRANGERS[name]):
        raise AssertionError(" | ".join(said))
