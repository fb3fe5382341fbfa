"""Acceptance check 17 of the data chapter, and the steps of 26: what a token budget holds."""

import pytest

from olmoearth_core import lookup
from olmoearth_core.data.budget import smallest_budget, steps_within
from olmoearth_core.data.tokens import Tokenization

OFFICIAL = [
    "sentinel2_l2a", "sentinel1", "landsat", "worldcover", "srtm", "openstreetmap_raster",
    "wri_canopy_height_map", "cdl", "worldcereal",
]  # fmt: skip


def one_group(*names: str) -> Tokenization:
    return Tokenization({s.name: [list(s.band_order)] for s in lookup.modalities(names)})


def longest(names, patches, budget, tokenization=None):
    specs = lookup.modalities(names)
    return steps_within(specs, tokenization or Tokenization(), patches=patches, budget=budget, longest=12)


def test_sentinel2_alone_gets_two_steps_out_of_a_hundred_tokens():
    assert longest(["sentinel2_l2a"], 4, 100) == 2
    assert longest(["sentinel2_l2a", "worldcover"], 4, 100) == 1
    assert longest(["sentinel2_l2a"], 4, 100, one_group("sentinel2_l2a")) == 6


@pytest.mark.parametrize(
    ("tokenization", "expected"),
    [
        (Tokenization(), [12, 12, 12, 12, 12, 9, 6, 4, 3, 2, 2, 1]),
        (one_group("sentinel2_l2a", "landsat"), [12, 12, 12, 12, 12, 12, 12, 9, 7, 5, 4, 3]),
    ],
)
def test_the_official_modalities_get_the_documented_steps(tokenization, expected):
    assert [longest(OFFICIAL, p, 2250, tokenization) for p in range(1, 13)] == expected


def test_eight_patches_of_four_modalities_get_eight_steps_out_of_the_official_budget():
    assert longest(["sentinel2_l2a", "sentinel1", "worldcover", "openstreetmap_raster"], 8, 2250) == 8


def test_position_costs_no_tokens():
    assert longest(["sentinel2_l2a", "latlon"], 4, 96) == 2


def test_without_anything_that_varies_in_time_one_step_is_read():
    assert longest(["worldcover"], 4, 5) == 1


def test_a_budget_below_one_step_gives_none():
    assert longest(["sentinel2_l2a"], 4, 47) == 0
    assert smallest_budget(lookup.modalities(["sentinel2_l2a"]), Tokenization(), 4) == 48
