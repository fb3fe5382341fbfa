"""Dates of time steps as models read them. Months of our timestamps start at 0."""

# N dates
from __future__ import annotations

import torch
from torch import Tensor

_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_FEBRUARY = 1


def day_of_year(dates_N3: Tensor) -> Tensor:
    """Return 1 for the first of January up to 365 or 366, int64 [N].

    dates: integer [N,3] = day 1-31, month 0-11, year.
    """
    day_N, month_N, year_N = dates_N3.long().unbind(-1)
    leap_N = (year_N % 4 == 0) & ((year_N % 100 != 0) | (year_N % 400 == 0))
    before = torch.tensor(_BEFORE, device=dates_N3.device)
    return before[month_N] + day_N + (leap_N & (month_N > _FEBRUARY)).long()


def week_of_year(dates_N3: Tensor) -> Tensor:
    """Return the week, 1 for the first seven days of January up to 53, int64 [N]."""
    return (day_of_year(dates_N3) + 6) // 7
