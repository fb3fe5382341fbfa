"""GeoTIFFs of backscatter: the unit is declared, by the file or by the user, and nothing is guessed from values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from olmoearth_sentinel1.power import from_amplitude, from_decibels, measure_in, unit_in, unit_of_hyp3
from olmoearth_sentinel1.rtc import rtc

from olmoearth_core import modalities
from olmoearth_core.errors import ConfigError, DataError, OtherModality
from olmoearth_core.readers.contract import check

STORED = {"power": [0.25, 4.0], "amplitude": [0.5, 2.0], "db": [-6.0206, 6.0206]}
"""Of one power, 0.25 and 4, in each unit."""
DAY = "s1_rtc_20210721"


@pytest.fixture
def stack(tmp_path, backscatter):
    """Takes values [n] or [n, w] of one line per band and returns the path of a stack vv, vh."""

    def made(values, name=f"{DAY}.tif", **facts):
        facts = {"names": ("vv", "vh"), **facts}
        return str(
            backscatter(tmp_path / name, np.array(values, np.float32).reshape(len(facts["names"]), 1, -1), **facts)
        )

    return made


@pytest.mark.parametrize("unit", STORED)
def test_every_unit_becomes_the_same_power(stack, spec, unit):
    array = rtc(units=unit).read(stack([STORED[unit], STORED[unit][::-1]]), spec)
    assert array.values[0, :, 0] == pytest.approx(np.array([[0.25, 4.0], [4.0, 0.25]]), rel=1e-5)
    assert (array.attrs["quantity"], array.attrs["units"]) == ("linear_power", "backscatter linear power")
    check(array, spec)


@given(st.floats(-90, 60))
def test_decibels_and_power_are_each_others_inverse(decibels):
    power = from_decibels(np.array([decibels], np.float32))
    assert 10 * np.log10(power[0]) == pytest.approx(decibels, abs=1e-4)
    assert from_amplitude(np.sqrt(power))[0] == pytest.approx(power[0], rel=1e-6)


@pytest.mark.parametrize(
    ("unit", "stored"),
    [("power", [0, -0.1, -32768, np.nan, np.inf]), ("amplitude", [0, -1, -32768, np.nan, np.inf]),
     ("db", [-32768, -9999, np.nan, np.inf, -np.inf])],
)  # fmt: skip
def test_what_is_no_power_is_nothing(stack, spec, unit, stored):
    values = rtc(units=unit).read(stack([stored, [1.0] * 5]), spec).values
    assert np.isnan(values[0, 0]).all()
    assert np.isfinite(values[0, 1]).all()


def test_nodata_of_the_header_and_of_the_user_is_nothing_even_where_it_could_be_decibels(stack, spec):
    values = rtc(units="db", nodata=0).read(stack([[-3.0, 0.0], [-99.0, -3.0]], nodata=-3), spec).values
    assert np.isnan(values[0, :, 0]).tolist() == [[True, True], [False, True]]
    assert rtc(units="db").read(stack([[0.0], [0.0]]), spec).values.ravel().tolist() == [1, 1]


# Values say nothing: each declaration is believed though other units would do.
DECLARED = [
    ({"tags": {"units": "gamma0 RTC linear power; source in dB"}}, "power", "gamma0"),
    ({"tags": {"UNITS": "sigma0 in dB"}}, "db", "sigma0"),
    ({"tags": {"unit": "decibel"}}, "db", "backscatter"),
    ({"units": ("amplitude", "amplitude")}, "amplitude", "backscatter"),
    ({"names": ("Gamma0_VV_db", "Gamma0_VH_db")}, "db", "gamma0"),
    ({"names": ("2021-07:vv", "2021-07:vh"), "tags": {"units": "intensity"}}, "power", "backscatter"),
]


@pytest.mark.parametrize(("facts", "unit", "measure"), DECLARED)
def test_the_unit_is_what_tags_units_or_names_of_bands_declare(stack, spec, facts, unit, measure):
    path = stack([[2.0], [3.0]], **facts)
    array = rtc().read(path, spec)
    expected = {"power": [2, 3], "amplitude": [4, 9], "db": [10**0.2, 10**0.3]}[unit]
    assert array.values.ravel() == pytest.approx(np.array(expected), rel=1e-5)
    assert array.attrs["units"] == f"{measure} linear power"
    assert np.array_equal(rtc(units=unit).read(path, spec), array)
    with pytest.raises(DataError, match=f'of the unit disagree: .* says "{unit}", the option units says'):
        rtc(units=next(u for u in STORED if u != unit)).read(path, spec)


@pytest.mark.parametrize("value", [0.05, -12.0, 300.0])
def test_a_file_that_does_not_say_its_unit_is_refused_whatever_its_values(stack, spec, value):
    with pytest.raises(DataError, match=rf'{DAY}\.tif: nothing says what its values are .*Declare it: units = "power"'):
        rtc().read(stack([[value], [value]], tags={"scale": "1", "units": "linear"}), spec)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (
            {"tags": {"units": "dB"}, "units": ("power", "power")},
            'tag units says "db", the unit of band 1 says "power"',
        ),
        ({"units": ("dB", "power")}, 'band 1 says "db", the unit of band 2 says "power"'),
        ({"tags": {"units": "power in dB"}}, r"\.tif: \"power in dB\" names power and db"),
    ],
)
def test_declarations_that_contradict_each_other_are_refused(stack, spec, facts, message):
    with pytest.raises(DataError, match=message):
        rtc().read(stack([[1.0], [1.0]], **facts), spec)


def test_the_names_of_asf_say_backscatter_and_unit():
    name = "S1A_IW_20180128T161201_DVP_RTC30_G_{}uned_FD6A_VV.tif"
    assert [unit_of_hyp3(name.format(kind)) for kind in ("gp", "sa", "gd")] == ["power", "amplitude", "db"]
    assert [measure_in(name.format(kind)) for kind in ("gp", "sa")] == ["gamma0", "sigma0"]
    assert unit_of_hyp3("S1A_IW_20180128_RTC_gp_VV.tif") == unit_in("linear") == unit_in("") == ""


def test_two_files_of_one_image_are_read_together_and_found_once(tmp_path, backscatter, spec):
    name = "S1A_IW_20180128T161201_DVP_RTC30_G_gduned_FD6A"
    for band, value in (("VH", -20.0), ("VV", -10.0)):
        backscatter(tmp_path / f"{name}_{band}.tif", np.full((2, 3), value, np.float32))
    backscatter(tmp_path / f"{name}_dem.tif", np.full((2, 3), 100, np.float32))
    lead = str(tmp_path / f"{name}_VV.tif")
    for path in (lead, str(tmp_path / f"{name}_VH.tif"), str(tmp_path)):
        array = rtc().read(path, spec)
        assert array.values[0, :, 0, 0] == pytest.approx([0.1, 0.01])
        assert array.attrs["units"] == "gamma0 linear power"
        assert str(array["time"].values[0])[:19] == "2018-01-28T16:12:01"
        assert rtc().recognises(path) == (path == lead)
    assert rtc().read(lead, spec, bands=["vh"])["band"].values.tolist() == ["vh"]
    with pytest.raises(DataError, match=r'file\'s name says "db", the option units says "power"'):
        rtc(units="power").read(lead, spec)


def test_one_polarisation_alone_is_one_band(tmp_path, backscatter, spec):
    path = str(backscatter(tmp_path / "iw-vv.rtc.tiff", np.ones((2, 2), np.float32)))
    reader = rtc(units="power", time="2021-07-21T08:40:10")
    assert reader.read(path, spec)["band"].values.tolist() == ["vv"]
    with pytest.raises(DataError, match="has no band vh, only vv"):
        reader.read(path, spec, bands=["vv", "vh"])


def test_months_come_in_order_and_must_have_the_same_bands(stack, spec):
    names = ("2021-08:vv", "2021-08:vh", "2021-07-21:vh", "2021-07-21:vv", "angle")
    array = rtc(units="power").read(stack([[1.0], [2.0], [3.0], [4.0], [38.0]], names=names), spec)
    assert array.values[:, :, 0, 0].tolist() == [[4, 3], [1, 2]]
    assert [str(t)[:10] for t in array["time"].values] == ["2021-07-21", "2021-08-01"]
    uneven = stack([[1.0], [2.0], [3.0]], name="b.tif", names=("2021-08:vv", "2021-08:vh", "2021-07:vv"))
    with pytest.raises(DataError, match=r"2021-08-01 has vv, vh, 2021-07-01 has vv.*in common: vv"):
        rtc(units="power").read(uneven, spec)
    assert rtc(units="power").read(uneven, spec, bands=["vv"]).values.ravel().tolist() == [3, 1]


def test_bands_without_names_are_named_by_the_user(tmp_path, backscatter, spec):
    path = str(backscatter(tmp_path / "x.tif", np.array([1, 2], np.float32).reshape(2, 1, 1)))
    reader = rtc(units="power", bands=["vh", "vv"], time="2021-07-21")
    assert reader.read(path, spec).values.ravel().tolist() == [2, 1]
    for options, message in (({}, "2 bands without names"), ({"bands": ["vv"]}, "bands = names 1")):
        with pytest.raises(DataError, match=message):
            rtc(units="power", **options).read(path, spec)


REFUSED = [
    ({"names": ("HH", "HV")}, {}, "its polarisation is HH, HV, expected IW with"),
    ({"names": ("vv", "B02")}, {}, "bands B02 are not of Sentinel-1"),
    ({"names": ("vv", "VV")}, {}, "band VV occurs twice"),
    ({"names": ("2021-07:vv", "2021-07-01:vv")}, {}, "two steps have one time"),
    ({"names": ("2021-13:vv", "2021-13:vh")}, {}, '"2021-13" in the names of its bands is no date'),
    ({"name": "x.tif"}, {}, "nothing says when it was taken"),
    ({"crs": None}, {}, "has no CRS; it is in the geometry of the radar"),
    ({"name": "S1A_IW_GRDH_1SDH_20210614T054053.tif"}, {}, r"HH and HV \(DH\)"),
    ({"name": "S1A_EW_GRDM_1SDV_20210614T054053.tif"}, {}, "mode EW"),
]


@pytest.mark.parametrize(("facts", "options", "message"), REFUSED)
def test_what_is_something_else_is_refused(stack, spec, facts, options, message):
    with pytest.raises(DataError, match=message):
        rtc(units="power", **options).read(stack([[1.0], [2.0]], **facts), spec)


def test_whole_and_scaled_numbers_are_neither_power_nor_decibels(tmp_path, backscatter, spec):
    import rasterio

    path = backscatter(tmp_path / f"{DAY}.tif", np.ones((2, 1, 1), np.uint16), names=("vv", "vh"))
    with pytest.raises(DataError, match="values are uint16, expected float32 or float64"):
        rtc(units="amplitude").read(str(path), spec)
    path = backscatter(tmp_path / f"{DAY}.tif", np.ones((2, 1, 1), np.float32), names=("vv", "vh"))
    with rasterio.open(path, "r+") as out:
        out.scales = (0.01, 0.01)
    with pytest.raises(DataError, match=r"declares scale 0\.01 and offset 0"):
        rtc(units="db").read(str(path), spec)


@pytest.mark.parametrize("unit", ["power", "amplitude"])
def test_decibels_declared_as_something_else_are_refused_and_not_made_nothing(stack, spec, unit):
    decibels = [*[-12.0] * 80, *[3.0] * 20]
    with pytest.raises(DataError, match=rf"{DAY}\.tif: declared as {unit}, but 80 of 100 values are negative"):
        _ = rtc(units=unit).read(stack([decibels, decibels]), spec).values
    # Undeclared nodata, and a few that the removal of noise made negative, are no decibels.
    few = [*[-9999.0] * 90, *[-0.001] * 4, *[0.1] * 6]
    assert np.isnan(rtc(units=unit).read(stack([few, few]), spec).values).sum() == 2 * 94


def test_several_images_and_none_are_refused(tmp_path, backscatter, spec):
    with pytest.raises(DataError, match="no Sentinel-1 image by its name"):
        rtc().read(str(tmp_path), spec)
    for name in ("a_20210721_VV.tif", "b_20210721_VV.tif"):
        backscatter(tmp_path / name, np.ones((1, 1), np.float32))
    with pytest.raises(DataError, match=r"2 images \(a_20210721_VV\.tif, b_"):
        rtc().read(str(tmp_path), spec)
    with pytest.raises(DataError, match=r"none\.tif: not found"):
        rtc().read(str(tmp_path / "none.tif"), spec)
    with pytest.raises(OtherModality, match="is the modality sentinel1"):
        rtc().read(str(tmp_path), modalities(["worldcover"])[0])


@pytest.mark.parametrize(
    "options", [{"units": "dB"}, {"units": "linear"}, {"time": "soon"}, {"bands": "vv"}, {"nodata": float("inf")}]
)
def test_options_are_checked_when_it_is_made(options):
    with pytest.raises(ConfigError, match=f"{next(iter(options))} = .*expected"):
        rtc(**options)


def test_files_beside_a_stac_item_are_left_to_it(tmp_path, backscatter):
    path = str(backscatter(tmp_path / "iw-vv.rtc.tiff", np.ones((2, 2), np.float32)))
    assert rtc().recognises(path)
    (tmp_path / "item.json").write_text('{"type": "Feature", "stac_version": "1.0.0"}')
    assert not rtc().recognises(path)
