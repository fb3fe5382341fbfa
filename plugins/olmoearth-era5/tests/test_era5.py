"""Facts of weather that files and published weights depend on."""

from __future__ import annotations

import pytest
from olmoearth_era5.daily_point import era5l_day_10
from olmoearth_era5.monthly import era5
from olmoearth_era5.monthly_point import era5_10

MONTHLY = (
    "2m-temperature",
    "2m-dewpoint-temperature",
    "surface-pressure",
    "10m-u-component-of-wind",
    "10m-v-component-of-wind",
    "total-precipitation",
)


def test_one_value_per_tile_varies_only_in_time():
    assert [(s.kind, s.tile_pixels, s.band_sets[0].meters) for s in (era5_10(), era5l_day_10())] == [
        ("time", 1, 2560)
    ] * 2


def test_the_image_varies_in_space_and_time_and_is_not_parsed():
    assert (era5().kind, era5().meters, era5().parsed) == ("space_time", 160, False)


def test_monthly_variables_come_in_this_order():
    assert era5_10().band_order == era5().band_order == MONTHLY


def test_daily_variables_come_in_the_order_of_their_short_names_each_with_a_unit():
    spec = era5l_day_10()
    assert " ".join(spec.band_order) == "d2m e pev ro sp ssr ssrd str swvl1 swvl2 t2m tp u10 v10"
    assert len(spec.units.split(", ")) == 14
    assert dict(zip(spec.band_order, spec.units.split(", "), strict=True))["ssrd"] == "J/m2"


def test_only_the_monthly_values_can_be_normalised():
    found = era5_10().statistics["total-precipitation"]
    assert (found.mean, found.std) == (0.0027392657043728242, 0.003682535319040505)
    assert found.count == 1_033_488
    assert dict(era5().statistics) == dict(era5l_day_10().statistics) == {}


@pytest.mark.parametrize(("factory", "rule"), [(era5_10, "all_zero"), (era5l_day_10, "has_-9999")])
def test_a_series_at_sea_is_dropped(factory, rule):
    assert factory().drop_rules == ("any_nan", rule)
