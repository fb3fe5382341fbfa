"""Gaps in images become missing values, and what is nothing but gaps is no modality of the sample."""

from dataclasses import replace

import numpy as np
import pytest

from olmoearth_core.convert.clean import finding, with_gaps
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec

IMAGES = ModalitySpec("images", (BandSet(("a", "b"), 16),), 16, True, dtype="uint16", nodata=0.0)


def image(seed=0):
    return np.random.default_rng(seed).integers(1, 60000, (4, 4, 3, 2), dtype=np.uint16)


def test_a_pixel_without_any_band_is_missing_and_all_others_are_as_they_were():
    values = image()
    values[1, 2, 0] = 0
    values[3, 3, 2, 0] = 0  # one band alone may be dark
    marked = with_gaps(IMAGES, values)
    assert marked.dtype == np.int32
    assert (marked[1, 2, 0] == -99999).all()
    expected = values.astype(np.int32)
    expected[1, 2, 0] = -99999
    np.testing.assert_array_equal(marked, expected)


def test_an_image_without_gaps_keeps_its_type_and_is_not_copied():
    values = image()
    values[0, 0, 0, 0] = 0
    assert with_gaps(IMAGES, values) is values


def test_bands_that_are_missing_everywhere_do_not_hide_a_gap():
    values = image().astype(np.int32)
    values[..., 1] = -99999
    values[2, 2, 1, 0] = 0
    assert (with_gaps(IMAGES, values)[2, 2, 1] == -99999).all()


@pytest.mark.parametrize(
    "spec",
    [
        replace(IMAGES, multitemporal=False),
        replace(IMAGES, nodata=None),
        replace(IMAGES, drop_rules=("any_nan", "any_nodata")),
    ],
    ids=["a map", "no value for nothing", "dropped for one gap"],
)
def test_other_modalities_are_left_alone(spec):
    values = np.zeros((4, 4, 3, 2), np.uint16)
    assert with_gaps(spec, values) is values


def test_nothing_but_gaps_drops_the_modality_by_name():
    assert finding(IMAGES, with_gaps(IMAGES, np.zeros((4, 4, 3, 2), np.uint16))) == "all_missing"
    values = image()
    values[0, 0, 0] = 0
    assert finding(IMAGES, with_gaps(IMAGES, values)) is None
