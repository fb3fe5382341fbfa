"""Weather from NetCDF: names, units, times, longitudes, preliminary values, points, and files of other kinds."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import xarray
from olmoearth_era5.daily_point import UNITS, era5l_day_10
from olmoearth_era5.monthly import era5
from olmoearth_era5.monthly_point import era5_10
from olmoearth_era5.netcdf import era5_netcdf

from olmoearth_core.errors import DataError
from olmoearth_core.readers.contract import check

READER = era5_netcdf()
SPELT = {"K": "K", "Pa": "Pa", "m/s": "m s**-1", "m": "m", "m w.e.": "m of water equivalent", "J/m2": "J m**-2"}
MONTHLY = ("t2m", "d2m", "sp", "u10", "v10", "tp")
MONTHS = np.arange("2021-01", "2021-04", dtype="datetime64[M]").astype("datetime64[ns]")
DAYS = np.arange("2021-01-01", "2021-01-06", dtype="datetime64[D]").astype("datetime64[ns]")


def value(variable, time, row, col):
    """A hand-made value that tells where it comes from."""
    return 1000 * list(UNITS).index(variable) + 100 * time + 10 * row + col


def weather(path, variables=MONTHLY, times=MONTHS, lat=(50.0, 49.9, 49.8), lon=(4.9, 5.0, 5.1, 5.2), **options):
    name = options.get("time", "valid_time")
    held = {}
    for variable in variables:
        data = np.fromfunction(lambda t, r, c, v=variable: value(v, t, r, c), (len(times), len(lat), len(lon)))
        data[:, 0, 0] = np.nan
        unit = options.get("units", {}).get(variable, SPELT.get(UNITS[variable], "m**3 m**-3"))
        held[variable] = ((name, "latitude", "longitude"), data.astype("float32"), {"units": unit})
    coords = {name: list(times), "latitude": list(lat), "longitude": list(lon)}
    made = xarray.Dataset(held, coords)
    options.get("change", lambda d: d)(made).to_netcdf(path, engine="h5netcdf")
    return str(path)


@pytest.mark.parametrize("time", ["valid_time", "time"])
def test_monthly_variables_come_as_bands_of_the_specification(tmp_path, time):
    path = weather(tmp_path / "a.nc", time=time)
    array = READER.read(path, era5_10())
    assert READER.recognises(path)
    assert (array.dims, array.shape, array.dtype) == (("time", "band", "y", "x"), (3, 6, 3, 4), np.float32)
    assert tuple(array.band.values) == era5_10().band_order
    assert array.time.values.tolist() == MONTHS.tolist()
    assert (array.x.values.tolist(), array.y.values.tolist()) == ([4.9, 5.0, 5.1, 5.2], [50.0, 49.9, 49.8])
    found = array.sel(band="surface-pressure").isel(time=2, y=1, x=3).item()
    assert found == value("sp", 2, 1, 3)
    assert np.isnan(array.values[:, :, 0, 0]).all()
    assert np.isfinite(array.values).sum() == 3 * 6 * 11
    assert (array.attrs["units"], array.attrs["quantity"]) == ("K, K, Pa, m/s, m/s, m", "weather")
    assert array.rio.crs.to_epsg() == 4326
    check(array, era5_10())


def test_an_image_and_a_series_come_from_the_same_file(tmp_path):
    path = weather(tmp_path / "a.nc")
    assert np.array_equal(READER.read(path, era5()).values, READER.read(path, era5_10()).values, equal_nan=True)


def test_daily_variables_have_their_own_units(tmp_path):
    path = weather(tmp_path / "a.nc", tuple(UNITS), DAYS)
    array = READER.read(path, era5l_day_10(), bands=["ssrd", "e", "swvl1"])
    assert (list(array.band.values), array.attrs["units"]) == (["ssrd", "e", "swvl1"], "J/m2, m w.e., m3/m3")
    assert array[4, 0, 2, 3].item() == value("ssrd", 4, 2, 3)


def test_any_window_equals_the_same_part_of_the_whole(tmp_path):
    array = READER.read(weather(tmp_path / "a.nc"), era5_10())
    whole = array.values
    for key in [(1, slice(None), 2, 3), (slice(0, 3, 2), 4, slice(None), slice(3, 0, -1)), (slice(1, 1),) * 4]:
        assert np.array_equal(array[key].values, whole[key], equal_nan=True)


@pytest.mark.parametrize(
    ("stored", "given"),
    [
        ([355.0, 355.1, 355.2], [-5.0, -4.9, -4.8]),
        ([179.9, 180.0, 180.1], [179.9, 180.0, 180.1]),
        ([-5.0, -4.9, -4.8], [-5.0, -4.9, -4.8]),
    ],
)
def test_longitudes_come_out_from_minus_180_unless_they_cross_the_antimeridian(tmp_path, stored, given):
    array = READER.read(weather(tmp_path / "a.nc", lon=stored), era5_10())
    assert array.x.values.tolist() == pytest.approx(given)
    assert array[0, 0, 1].values.tolist() == [value("t2m", 0, 1, col) for col in range(3)]


def test_a_globe_from_0_to_360_is_turned(tmp_path):
    lon = np.arange(0, 360, 10.0)
    array = era5_netcdf(degrees=10).read(weather(tmp_path / "a.nc", lat=(10.0, 0.0, -10.0), lon=lon), era5_10())
    assert (array.x.values[0], array.x.values[-1]) == (-180, 170)
    assert array[0, 0, 1, 16:20].values.tolist() == [value("t2m", 0, 1, col) for col in (34, 35, 0, 1)]
    assert np.array_equal(array[0, 0, 1].values, array.values[0, 0, 1])


def test_preliminary_values_fill_what_the_final_ones_leave_open(tmp_path):
    def split(made):
        final, preliminary = made.where(made.time < MONTHS[2]), (made + 5).where(made.time >= MONTHS[1])
        return xarray.concat([preliminary, final], "expver").assign_coords(expver=[5, 1])

    def with_units(made):
        parts = split(made)
        for name in parts:
            parts[name].attrs = made[name].attrs
        return parts

    array = READER.read(weather(tmp_path / "a.nc", time="time", change=with_units), era5_10())
    expected = [value("t2m", 0, 1, 1), value("t2m", 1, 1, 1), value("t2m", 2, 1, 1) + 5]
    assert array[:, 0, 1, 1].values.tolist() == expected


def test_the_form_of_2024_with_a_member_and_a_version_per_time_is_read(tmp_path):
    def dress(made):
        return made.assign_coords(number=0, expver=("valid_time", ["0001", "0001", "0005"]))

    array = READER.read(weather(tmp_path / "a.nc", change=dress), era5_10())
    assert array[2, 0, 1, 1].item() == value("t2m", 2, 1, 1)


def test_a_point_takes_the_nearest_grid_point_with_values(tmp_path):
    path = weather(tmp_path / "a.nc")
    on_land = era5_netcdf(latlon=(49.91, 5.08)).read(path, era5_10())
    assert (on_land.dims, on_land.shape, on_land.attrs["latlon"]) == (
        ("time", "band"),
        (3, 6),
        (49.9, pytest.approx(5.1)),
    )
    assert on_land[1].values.tolist() == [value(v, 1, 1, 2) for v in MONTHLY]
    at_sea = era5_netcdf(latlon=(50.01, 4.9)).read(path, era5_10())
    assert at_sea.attrs["latlon"] == (50.0, pytest.approx(5.0))  # nearer than 49.9 N, 4.9 E: a degree east is shorter
    check(on_land, era5_10())


def test_a_point_far_at_sea_has_nothing_and_one_outside_is_refused(tmp_path):
    path = weather(tmp_path / "a.nc", change=lambda made: made.map(lambda v: (v * np.nan).assign_attrs(v.attrs)))
    assert np.isnan(era5_netcdf(latlon=(49.9, 5)).read(path, era5_10()).values).all()
    with pytest.raises(DataError, match=r"40 N, 5 E lies outside; it holds 49\.8 to 50 N and 4\.9 to 5\.2 E"):
        era5_netcdf(latlon=(40, 5)).read(path, era5_10())


def test_a_point_is_found_on_either_side_of_the_antimeridian(tmp_path):
    path = weather(tmp_path / "a.nc", lon=(179.8, 179.9, 180.0, 180.1))
    assert era5_netcdf(latlon=(49.9, -179.91)).read(path, era5_10())[0, 0].item() == value("t2m", 0, 1, 3)


@pytest.mark.parametrize(("unit", "told"), [("degC", "degC"), ("C", "C"), ("", "a unit that is not said")])
def test_other_units_are_refused(tmp_path, unit, told):
    path = weather(tmp_path / "a.nc", units={"t2m": unit})
    with pytest.raises(DataError, match=rf'a\.nc: t2m is in "{told}", expected "K"'):
        READER.read(path, era5_10())


def test_a_missing_variable_is_named_when_asked_for_and_left_out_otherwise(tmp_path):
    path = weather(tmp_path / "a.nc", ("t2m", "tp"))
    assert list(READER.read(path, era5_10()).band.values) == ["2m-temperature", "total-precipitation"]
    with pytest.raises(DataError, match=r"has t2m, tp, expected surface-pressure \(variable sp\)"):
        READER.read(path, era5_10(), bands=["surface-pressure"])
    with pytest.raises(DataError, match="snow is no band of era5_10"):
        READER.read(path, era5_10(), bands=["snow"])


def test_days_are_no_months_and_hours_are_neither(tmp_path):
    days, months = weather(tmp_path / "d.nc", times=DAYS), weather(tmp_path / "m.nc")
    hours = weather(tmp_path / "h.nc", times=np.arange("2021-01-01T00", "2021-01-01T04", dtype="datetime64[h]"))
    for path, spec, found in [
        (days, era5_10(), "days"),
        (months, era5l_day_10(), "months"),
        (hours, era5_10(), "of 1 h"),
    ]:
        with pytest.raises(DataError, match=f"its steps are {found}.*{spec.name} takes"):
            READER.read(path, spec)


def test_a_coarser_grid_is_another_product(tmp_path):
    path = weather(tmp_path / "a.nc", lat=(50.0, 49.75, 49.5), lon=(5.0, 5.25, 5.5))
    with pytest.raises(DataError, match=r"latitude in steps of 0\.25 .* expected 0\.1 \(ERA5-Land\)"):
        READER.read(path, era5_10())
    assert era5_netcdf(degrees=0.25).read(path, era5_10()).sizes["x"] == 3


def test_times_that_repeat_are_refused(tmp_path):
    path = weather(tmp_path / "a.nc", times=MONTHS[[0, 1, 1]])
    with pytest.raises(DataError, match="its times repeat"):
        READER.read(path, era5_10())


def test_ensembles_are_refused(tmp_path):
    def members(made):
        return xarray.concat([made, made], "number").assign_coords(number=[0, 1])

    with pytest.raises(DataError, match=r"t2m has axes number \(2\)"):
        READER.read(weather(tmp_path / "a.nc", change=members), era5_10())


@pytest.mark.parametrize(
    ("start", "found"),
    [(b"CDF\x01", "NetCDF-3.*nccopy"), (b"PK\3\4", "a zip archive"), (b"GRIB", r"GRIB; read it with era5\.grib")],
)
def test_other_formats_are_named(tmp_path, start, found):
    (tmp_path / "a.nc").write_bytes(start + bytes(20))
    assert not READER.recognises(str(tmp_path / "a.nc"))
    with pytest.raises(DataError, match=rf"a\.nc: expected NetCDF-4, found {found}"):
        READER.read(str(tmp_path / "a.nc"), era5_10())


def test_a_truncated_file_is_named(tmp_path):
    path = tmp_path / "a.nc"
    weather(path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match=r"a\.nc: no NetCDF-4 that can be read"):
        READER.read(str(path), era5_10())


def test_an_hdf_file_of_something_else_is_not_recognised(tmp_path):
    xarray.Dataset({"ndvi": (("y", "x"), np.zeros((2, 2)))}).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert not READER.recognises(str(tmp_path / "a.nc"))
    with pytest.raises(DataError, match="has no variable of weather that is known"):
        READER.read(str(tmp_path / "a.nc"), era5_10())


def test_a_lazy_array_goes_to_other_processes(tmp_path):
    array = READER.read(weather(tmp_path / "a.nc"), era5_10())
    assert np.array_equal(pickle.loads(pickle.dumps(array)).values, array.values, equal_nan=True)
