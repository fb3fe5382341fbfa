"""Weather from GRIB 1, written by hand in these tests: kelvin stays kelvin, months are those of the reference time."""

from __future__ import annotations

import numpy as np
import pytest
from olmoearth_era5.daily_point import UNITS, era5l_day_10
from olmoearth_era5.grib import ELEMENTS, era5_grib
from olmoearth_era5.monthly_point import era5_10

from olmoearth_core.errors import DataError

PARAMETERS = {
    "2t": (128, 167), "2d": (128, 168), "sp": (128, 134), "10u": (128, 165), "10v": (128, 166), "tp": (128, 228),
    "e": (128, 182), "ro": (128, 205), "ssr": (128, 176), "ssrd": (128, 169), "str": (128, 177), "swvl1": (128, 39),
    "swvl2": (128, 40), "pev": (228, 251), "lai_lv": (128, 66),
}  # fmt: skip
"""Short name -> ECMWF's table and parameter."""


def message(name, date, values, north=50.0, west=5.0, step=0.1, hours=0):
    """Return a GRIB 1 message by the WMO manual. values: whole numbers from 0 to 65535 [rows, cols], NaN = missing."""
    values = np.asarray(values, dtype=float)
    rows, cols = values.shape
    table, parameter = PARAMETERS[name]
    year, month, day = date
    product = bytes([table, 98, 0, 255, 0xC0, parameter, 1, 0, 0, year % 100, month, day, 0, 0, 1, 0, hours])
    product += bytes([4 if hours else 0, 0, 0, 0, year // 100 + 1, 0, 0, 0])
    south, east = north - step * (rows - 1), west + step * (cols - 1)
    grid = bytes([0, 255, 0]) + _two(cols) + _two(rows) + _place(north) + _place(west) + bytes([0x80])
    grid += _place(south) + _place(east) + _two(round(step * 1000)) * 2 + bytes(5)
    there = np.isfinite(values).ravel()
    bitmap = bytes([-there.size % 8, 0, 0]) + np.packbits(there).tobytes()
    data = bytes([0, 0, 0, 0, 0, 0, 0, 16]) + values.ravel()[there].astype(">u2").tobytes()
    parts = b"".join((len(part) + 3).to_bytes(3, "big") + part for part in (product, grid, bitmap, data))
    return b"GRIB" + (len(parts) + 12).to_bytes(3, "big") + b"\x01" + parts + b"7777"


def _two(number):
    return int(number).to_bytes(2, "big")


def _place(degrees):
    size = round(abs(degrees) * 1000)
    return (size | (0x800000 if degrees < 0 else 0)).to_bytes(3, "big")


READER = era5_grib()
MONTHLY = ("2t", "2d", "sp", "10u", "10v", "tp")


def grid(number, missing=True):
    values = 1000.0 * number + np.arange(12.0).reshape(3, 4)
    if missing:
        values[0, 0] = np.nan
    return values


def grib(path, names=MONTHLY, months=(1, 2), **options):
    made = b"".join(
        message(name, (2021, month, 1), grid(i + month), hours=24 if name == "tp" else 0, **options)
        for month in months for i, name in enumerate(names)
    )  # fmt: skip
    path.write_bytes(made)
    return str(path)


def test_months_variables_places_and_voids(tmp_path):
    path = grib(tmp_path / "a.grib", west=355.0)
    array = READER.read(path, era5_10())
    assert READER.recognises(path)
    assert (array.shape, tuple(array.band.values)) == ((2, 6, 3, 4), era5_10().band_order)
    assert [str(t)[:10] for t in array.time.values] == ["2021-01-01", "2021-02-01"]
    assert (array.x.values.tolist(), array.y.values.tolist()) == ([-5, -4.9, -4.8, -4.7], [50, 49.9, 49.8])
    for month in range(2):
        for number in range(6):
            assert np.array_equal(array.values[month, number], grid(number + month + 1), equal_nan=True)
    assert array.attrs["units"] == "K, K, Pa, m/s, m/s, m"


def test_all_daily_variables_are_known_by_name(tmp_path):
    names = [name for name in PARAMETERS if name != "lai_lv"]
    days = b"".join(
        message(name, (2021, 3, day), grid(i)) for day in (1, 2) for i, name in enumerate([*names, "lai_lv"])
    )
    (tmp_path / "a.grib").write_bytes(days)
    array = READER.read(str(tmp_path / "a.grib"), era5l_day_10())
    assert list(array.band.values) == list(UNITS)
    assert sorted(ELEMENTS.values()) == sorted(UNITS)
    assert array.sel(band="pev")[1, 2, 3].item() == 1000 * names.index("pev") + 11


def test_a_point_takes_the_nearest_grid_point_with_values(tmp_path):
    array = era5_grib(latlon=(50.0, -5.01)).read(grib(tmp_path / "a.grib", west=355.0), era5_10())
    assert (array.dims, array.attrs["latlon"]) == (("time", "band"), (50.0, pytest.approx(-4.9)))
    assert array.values[0].tolist() == [1001, 2001, 3001, 4001, 5001, 6001]


def test_variables_of_different_times_are_refused(tmp_path):
    path = tmp_path / "a.grib"
    path.write_bytes(message("2t", (2021, 1, 1), grid(0)) + message("tp", (2021, 2, 1), grid(0)))
    with pytest.raises(DataError, match=r"a\.grib: tp has 1 times, t2m has 1, or others"):
        READER.read(str(path), era5_10())


def test_a_variable_that_occurs_twice_is_refused(tmp_path):
    (tmp_path / "a.grib").write_bytes(message("2t", (2021, 1, 1), grid(0)) * 2)
    with pytest.raises(DataError, match="t2m occurs twice for one time"):
        READER.read(str(tmp_path / "a.grib"), era5_10())


def test_a_coarser_grid_is_another_product(tmp_path):
    with pytest.raises(DataError, match=r"in steps of 0\.25 .* expected 0\.1"):
        READER.read(grib(tmp_path / "a.grib", step=0.25), era5_10())


@pytest.mark.parametrize(("start", "found"), [(b"GRIB\0\0\0\2", "GRIB 2, expected GRIB 1"), (b"CDF\1", "no GRIB")])
def test_other_editions_and_formats_are_named(tmp_path, start, found):
    (tmp_path / "a.grib").write_bytes(start + bytes(40) + b"7777")
    assert not READER.recognises(str(tmp_path / "a.grib"))
    with pytest.raises(DataError, match=rf"a\.grib: {found}"):
        READER.read(str(tmp_path / "a.grib"), era5_10())


def test_a_truncated_file_is_named(tmp_path):
    path = tmp_path / "a.grib"
    path.write_bytes((message("2t", (2021, 1, 1), grid(0)) * 2)[:-50])
    assert not READER.recognises(str(path))
    with pytest.raises(DataError, match=r"a\.grib: its last message has no end \(7777\): the file is truncated"):
        READER.read(str(path), era5_10())


def test_a_torn_message_is_named(tmp_path):
    path = tmp_path / "a.grib"
    path.write_bytes(message("2t", (2021, 1, 1), grid(0))[:60] + b"7777")
    assert not READER.recognises(str(path))
    with pytest.raises(DataError, match=r"a\.grib: "):
        READER.read(str(path), era5_10())


def test_other_weather_is_not_recognised(tmp_path):
    path = tmp_path / "a.grib"
    path.write_bytes(message("lai_lv", (2021, 1, 1), grid(0)))
    assert not READER.recognises(str(path))
    with pytest.raises(DataError, match="no variable of weather that is known"):
        READER.read(str(path), era5_10())
