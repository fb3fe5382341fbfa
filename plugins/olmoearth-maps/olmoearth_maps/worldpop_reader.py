"""How WorldPop is read: the constrained count of 2020 of one country; fill is negative."""

from __future__ import annotations

import re

import numpy as np

from olmoearth_core.interfaces.reader import Reader
from olmoearth_maps.one_band import MapKind, OneBandMap


def _negative_is_nothing(values: np.ndarray) -> np.ndarray:
    return np.where(values < 0, np.float32(np.nan), values)


_KIND = MapKind(
    product="WorldPop 2020, constrained",
    pattern=re.compile(r"[a-z]{3}_ppp_(?P<year>2020)(?:_UNadj)?_constrained(?:_\w+)?\.tiff?", re.IGNORECASE),
    example="bel_ppp_2020_UNadj_constrained.tif",
    dtypes=("float32", "float64"),
    quantity="count",
    nodata=(-99999.0,),
    convert=_negative_is_nothing,
)


def worldpop_image(*, year: int | None = None) -> Reader:
    """Read WorldPop constrained counts (bel_ppp_2020_UNadj_constrained.tif), people per pixel; negative = nothing.

    year: of the map, for files of other names; null = as the name says. Unconstrained maps are another product.
    Product guide: https://www.worldpop.org/methods/top_down_constrained_vs_unconstrained/
    """
    return OneBandMap("maps.worldpop.v1", ("worldpop",), _KIND, year)
