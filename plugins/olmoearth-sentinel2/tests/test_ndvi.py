"""NDVI: golden numbers of `sentinel2.ndvi.v1` and its rules about what is not there."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from olmoearth_sentinel2.l2a import sentinel2_l2a
from olmoearth_sentinel2.ndvi import derive_ndvi, ndvi

RED, NIR = 2, 3


def reflectance(red: list[int], nir: list[int], dtype: str = "uint16") -> np.ndarray:
    """One row of pixels [1, W, 1, 12] of which only B04 and B08 are set."""
    array = np.zeros((1, len(red), 1, 12), dtype)
    array[..., RED], array[..., NIR] = np.array(red)[None, :, None], np.array(nir)[None, :, None]
    return array


def test_it_reads_the_channels_of_b04_and_b08():
    assert sentinel2_l2a().band_order[RED : NIR + 1] == ("B04", "B08")


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32", "float64"])
def test_leaves_are_high_water_is_negative_and_darkness_is_0(dtype):
    array = reflectance(red=[1000, 3000, 0, 500], nir=[4000, 1000, 0, 500], dtype=dtype)
    values, presence = derive_ndvi()(array, np.ones((1, 1, 1, 1), bool))
    assert values.dtype == np.float32
    assert values[0, :, 0, 0].tolist() == pytest.approx([0.6, -0.5, 0.0, 0.0])
    assert values.shape == (1, 4, 1, 1)
    assert presence.all()


def test_a_pixel_without_red_or_without_near_infrared_has_no_ndvi_and_only_that_pixel():
    presence = np.ones((1, 4, 1, 12), bool)
    presence[0, 1, 0, RED] = presence[0, 2, 0, NIR] = presence[0, 3, 0, 0] = False
    array = reflectance(red=[1000] * 4, nir=[3000] * 4)
    values, there = derive_ndvi()(array, presence)
    assert there[0, :, 0, 0].tolist() == [True, False, False, True]
    assert values[0, :, 0, 0].tolist() == [0.5, 0.0, 0.0, 0.5]


def test_a_missing_month_is_missing_at_every_pixel():
    array = np.full((2, 2, 3, 12), 700, "uint16")
    presence = np.array([True, False, True]).reshape(1, 1, 3, 1)
    values, there = derive_ndvi()(array, presence)
    assert values.shape == (2, 2, 3, 1)
    assert np.broadcast_to(there, values.shape)[1, 1, :, 0].tolist() == [True, False, True]


def test_whatever_lies_under_absent_pixels_neither_warns_nor_leaks():
    array = reflectance(red=[0, 1], nir=[0, 1], dtype="float32")
    array[0, 0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values, _ = derive_ndvi()(array, np.array([False, True]).reshape(1, 2, 1, 1))
    assert values.ravel().tolist() == [0.0, 0.0]


def test_it_is_computed_never_stored():
    spec = ndvi()
    assert (spec.derived_from, spec.derive, spec.parsed, spec.dtype) == (
        "sentinel2_l2a",
        "sentinel2.ndvi.v1",
        False,
        None,
    )
    assert (spec.statistics["ndvi"].minimum, spec.statistics["ndvi"].maximum) == (-1, 1)
    assert (spec.kind, spec.band_order, spec.normalization) == ("space_time", ("ndvi",), "predefined")
