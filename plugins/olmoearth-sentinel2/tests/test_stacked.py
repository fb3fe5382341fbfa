"""Stacks: which band is which, of when, and in which unit, from names and tags alone."""

import numpy as np
import pytest
import rasterio
from olmoearth_sentinel2.stacked import stacked

from olmoearth_core.errors import ConfigError, DataError

COUNTS = {"scale": "DN/10000"}


@pytest.fixture
def stack(tmp_path, raster):
    """Takes names of bands and returns a file whose band i is all 100 x i, with one pixel of 0 in the corner."""

    def made(names, tags=COUNTS, file="s2_l2a_20220601.tif", count=None, dtype=np.uint16, times=1):
        numbers = times * 100.0 * np.arange(1, (count or len(names)) + 1)
        values = np.broadcast_to(numbers[:, None, None], (len(numbers), 4, 4)).astype(dtype)
        values[:, 0, 0] = 0
        raster(tmp_path / file, values, 10, names=names, tags=tags)
        return str(tmp_path / file)

    return made


def test_time_and_band_come_from_the_names_of_the_bands(stack, l2a):
    path = stack(["2021-07:B04", "2021-07:B02", "2021-06-15:B04", "2021-06-15:B02"])
    array = stacked().read(path, l2a)
    assert [str(t)[:10] for t in array["time"].values] == ["2021-06-15", "2021-07-01"]
    assert array["band"].values.tolist() == ["B02", "B04"]
    assert array.values[:, :, 3, 3].tolist() == [[400, 300], [200, 100]]
    assert np.isnan(array.values[:, :, 0, 0]).all()


def test_names_without_leading_zeros_are_the_same_bands(stack, l2a):
    path = stack(["B2", "B8", "B8A", "B12"])
    assert stacked().recognises(path)
    assert stacked().read(path, l2a)["band"].values.tolist() == ["B02", "B08", "B8A", "B12"]


def test_a_file_without_names_takes_them_from_the_declaration(stack, l2a):
    path = stack([], count=3)
    with pytest.raises(DataError, match=r"its 3 bands have no names\. Declare them"):
        stacked().read(path, l2a)
    with pytest.raises(DataError, match="has 3 bands, but bands = names 2"):
        stacked(bands=["B02", "B03"]).read(path, l2a)
    array = stacked(bands=["B04", "B03", "B02"]).read(path, l2a)
    assert array.values[0, :, 1, 1].tolist() == [300, 200, 100]
    assert (stacked().recognises(path), stacked(bands=["B04", "B03", "B02"]).recognises(path)) == (False, True)


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"units": "surface reflectance * 10000"}, True),
        ({"scale": "reflectance = DN/1e4; no BOA offset"}, True),
        ({"units": "reflectance x 10,000"}, True),
        ({"units": "reflectance"}, False),
        ({"title": "DN/10000"}, False),
        ({}, False),
    ],
)
def test_units_come_from_tags_or_must_be_declared(stack, l2a, tags, said):
    path = stack(["B02", "B03"], tags)
    if said:
        assert float(stacked().read(path, l2a)[0, 0, 1, 1]) == 100
        return
    with pytest.raises(DataError, match=r"no tag says what its values are .* Declare units"):
        stacked().read(path, l2a)
    assert float(stacked(units="reflectance_x10000").read(path, l2a)[0, 0, 1, 1]) == 100


def test_fractions_are_multiplied_where_they_are_declared(stack, l2a):
    path = stack(["B02", "B03"], {}, dtype=np.float32, times=0.001)
    array = stacked(units="reflectance").read(path, l2a)
    assert array.values[0, :, 1, 1] == pytest.approx([1000, 2000], rel=1e-6)
    assert np.isnan(array.values[0, 0, 0, 0])
    with pytest.raises(DataError, match="holds fractions"):
        stacked(units="reflectance", offset=-1000).read(path, l2a)


def test_units_declared_against_the_tags_are_refused(stack, l2a):
    with pytest.raises(DataError, match=r'its tags say "reflectance_x10000" \(scale: "DN/10000"\)'):
        stacked(units="reflectance").read(stack(["B02", "B03"]), l2a)


def test_the_offset_is_declared_and_must_not_contradict_tags_or_header(stack, l2a):
    path = stack(["B02", "B03"], times=15)
    assert stacked(offset=-1000).read(path, l2a).values[0, :, 1, 1].tolist() == [500, 2000]
    free = stack(["B02", "B03"], {"scale": "DN/10000; no BOA offset"}, file="free_l2a_2022-06-01.tif")
    with pytest.raises(DataError, match=r"says an offset of 0, but offset = -1000"):
        stacked(offset=-1000).read(free, l2a)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (1e-4, 1e-4), (-0.1, -0.1)
    with pytest.raises(DataError, match=r"says an offset of -1000, but offset = 0 .* Give offset = -1000"):
        stacked().read(path, l2a)
    with rasterio.open(path, "r+") as file:
        file.scales = (0.5, 0.5)
    with pytest.raises(DataError, match=r"a scale of 0\.5"):
        stacked().read(path, l2a)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["VV", "VH", "B2"], "bands VV, VH are not of Sentinel-2"),
        (["B2", "B3", "B10", "B11"], "may be Landsat's"),
        (["B02", "B2"], "B2 occurs twice"),
        (["B02", "2021-13-45:B02"], "is no date"),
        (["B02", "2021-05-05:B03"], r"2021-05-05 has B03, 2022-06-01 has B02.* in common: none"),
    ],
)
def test_names_that_are_not_understood_are_refused(stack, l2a, names, message):
    with pytest.raises(DataError, match=message):
        stacked().read(stack(names), l2a)


def test_a_stack_that_says_landsat_is_refused_whatever_its_bands(stack, l2a):
    path = stack(["B02", "B12"], {"units": "Landsat 8 surface reflectance *10000"})
    assert not stacked().recognises(path)
    with pytest.raises(DataError, match="Use a reader of Landsat"):
        stacked().read(path, l2a)


def test_time_comes_from_the_declaration_the_tag_or_the_name_in_this_order(stack, l2a):
    def year(path, **options):
        return str(stacked(**options).read(path, l2a)["time"].values[0])[:19]

    tagged = stack(["B02", "B03"], {**COUNTS, "datetime": "2021-07-23T13:22:41"})
    assert year(tagged, time="2020-01-01") == "2020-01-01T00:00:00"
    assert year(tagged) == "2021-07-23T13:22:41"
    assert year(stack(["B02", "B03"], file="b_l2a_20220601T104629.tif")) == "2022-06-01T10:46:29"
    with pytest.raises(DataError, match="nothing says when it was taken"):
        year(stack(["B02", "B03"], file="c_l2a.tif"))


def test_the_level_must_be_said_and_fit(stack, l2a, l1c):
    path = stack(["B02", "B03"], file="x_20220601.tif")
    with pytest.raises(DataError, match="does not say L2A or L1C"):
        stacked().read(path, l2a)
    assert stacked(level="l1c").read(path, l1c).attrs["units"] == "top-of-atmosphere reflectance x 10000"
    with pytest.raises(DataError, match=r"Ask for sentinel2,"):
        stacked(level="l1c").read(path, l2a)


def test_classes_among_the_bands_say_where_it_is_clear(stack, l2a):
    path = stack(["2021-06:B02", "2021-06:SCL", "2021-07:B02", "2021-07:SCL"], times=0.02, dtype=np.uint8)
    # All 4 and all 8, with 0 in the corner.
    clear = stacked().clear(path, l2a).values
    assert (clear[0].sum(), clear[1].sum(), bool(clear[0, 0, 0])) == (15, 0, False)
    assert stacked().read(path, l2a)["band"].values.tolist() == ["B02"]
    assert stacked().clear(stack(["B02", "B03"]), l2a) is None


def test_a_file_of_classes_must_have_all_times_and_lie_beside_the_stack(stack, l2a):
    path = stack(["2021-06-01:B02", "2021-07-01:B02"])
    stack(["2021-07-01", "2021-08-01"], {}, "classes.tif", times=0.04)
    with pytest.raises(DataError, match=r"classes\.tif: has no classes of 2021-06-01"):
        stacked(classes="classes.tif").clear(path, l2a)
    stack(["2021-07-01", "2021-06"], {}, "classes.tif", dtype=np.uint8, times=0.04)
    # 4 in July, 8 in June, 0 in the corner.
    assert stacked(classes="classes.tif").clear(path, l2a).values.sum(axis=(1, 2)).tolist() == [0, 15]
    with pytest.raises(ConfigError, match="without folders"):
        stacked(classes="../classes.tif")


def test_the_declared_level_is_the_only_modality():
    assert stacked(level="l1c").modalities == ("sentinel2",)
    assert stacked().modalities == ("sentinel2_l2a", "sentinel2")


@pytest.mark.parametrize("options", [{"units": "dn"}, {"bands": "B02"}, {"bands": [2]}, {"level": "2a"}, {"offset": 1}])
def test_options_without_meaning_are_refused(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        stacked(**options)
