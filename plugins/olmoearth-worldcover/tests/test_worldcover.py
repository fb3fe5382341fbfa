"""Facts of land cover, and golden numbers of `worldcover.onehot.v1`."""

from __future__ import annotations

import numpy as np
import pytest
from olmoearth_worldcover.modality import CLASSES, worldcover
from olmoearth_worldcover.onehot import derive_onehot, worldcover_onehot

CODES = [10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100]


def test_it_holds_codes_not_indices():
    assert list(CLASSES) == CODES
    assert (worldcover().units, worldcover().dtype, worldcover().valid_range) == ("ESA class code", "uint8", (10, 100))


@pytest.mark.parametrize(("code", "normal"), [(10, 0.25192164), (95, 1.12884595)])
def test_codes_are_normalised_as_if_they_were_a_quantity(code, normal):
    found = worldcover().statistics["B1"]
    assert (code - found.mean) / (4 * found.std) + 0.5 == pytest.approx(normal, abs=1e-7)
    assert (found.minimum, found.maximum, found.count) == (0, 100, 6_730_657_536)


def test_each_class_has_a_channel_that_is_not_normalised():
    spec = worldcover_onehot()
    assert spec.band_order == tuple(f"class_{code}" for code in CODES)
    assert (spec.normalization, dict(spec.statistics)) == ("none", {})
    assert (spec.derived_from, spec.derive, spec.parsed) == ("worldcover", "worldcover.onehot.v1", False)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32"])
def test_a_known_code_sets_its_channel_and_an_unknown_one_none(dtype):
    codes = np.array([[10, 95, 100, 0, 255]], dtype)[:, :, None, None]
    values, presence = derive_onehot()(codes, np.ones((1, 1, 1, 1), bool))
    assert (values.dtype, values.shape) == (np.float32, (1, 5, 1, 11))
    assert [np.flatnonzero(pixel).tolist() for pixel in values[0, :, 0]] == [[0], [9], [10], [], []]
    assert presence.all()


def test_an_absent_pixel_is_absent_in_all_channels_and_only_that_one():
    codes = np.full((1, 2, 1, 1), 40, "uint8")
    there = np.array([True, False]).reshape(1, 2, 1, 1)
    values, presence = derive_onehot()(codes, there)
    assert values.sum(-1).ravel().tolist() == [1, 0]
    assert np.broadcast_to(presence, values.shape)[0, :, 0].tolist() == [[True] * 11, [False] * 11]
