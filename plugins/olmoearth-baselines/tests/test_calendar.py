"""Dates are counted from the first of January, though our months start at 0."""

from datetime import date

import torch
from hypothesis import given
from hypothesis import strategies as st
from olmoearth_baselines.prepare.calendar import day_of_year, week_of_year


@given(st.dates(date(1972, 1, 1), date(2100, 12, 31)))
def test_the_day_of_the_year_is_that_of_the_calendar(day):
    dates = torch.tensor([[day.day, day.month - 1, day.year]], dtype=torch.int32)
    assert day_of_year(dates).tolist() == [day.timetuple().tm_yday]


def test_january_is_the_first_month_and_not_the_last():
    assert day_of_year(torch.tensor([[1, 0, 2021], [31, 11, 2021], [31, 11, 2020]])).tolist() == [1, 365, 366]
    assert week_of_year(torch.tensor([[7, 0, 2021], [8, 0, 2021], [31, 11, 2021]])).tolist() == [1, 2, 53]
