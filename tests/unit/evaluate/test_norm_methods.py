"""Numbers of spec/evaluation.md §10, checks 15 and 16."""

import numpy as np
import pytest

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.norm_methods import METHODS, Columns, apply
from olmoearth_core.interfaces.modality import Statistics

VALUES = np.array([0.0, 500, 1000, 2000])[:, None]
COLUMNS = Columns.of([Statistics(1000.0, 500.0, 0.0, 3000.0)])
EXPECTED = {
    "norm_no_clip": [-0.5, 0, 0.5, 1.5],
    "norm_no_clip_2_std": [0, 0.25, 0.5, 1],
    "norm_yes_clip": [0, 0, 0.5, 1],
    "norm_yes_clip_2_std": [0, 0.25, 0.5, 1],
    "norm_yes_clip_3_std": [0.166667, 0.333333, 0.5, 0.833333],
    "standardize": [-2, -1, 0, 2],
    "no_norm": [0, 500, 1000, 2000],
    "norm_yes_clip_int": [0, 0, 0.498039, 1],
    "norm_yes_clip_2_std_int": [0, 0.247059, 0.498039, 1],
    "norm_yes_clip_3_std_int": [0.164706, 0.333333, 0.498039, 0.831373],
    "norm_yes_clip_min_max_int": [0, 0.164706, 0.333333, 0.666667],
}


@pytest.mark.parametrize("method", METHODS)
def test_each_method_gives_the_published_numbers(method):
    """Checks 15 and 16."""
    np.testing.assert_allclose(apply(method, VALUES, COLUMNS)[:, 0], EXPECTED[method], atol=1e-6)


def test_whole_numbers_become_float64_and_float32_stays_in_the_methods_of_eight_bits():
    assert apply("norm_yes_clip_int", VALUES.astype(np.uint16), COLUMNS).dtype == np.float64
    assert apply("norm_yes_clip_int", VALUES.astype(np.float32), COLUMNS).dtype == np.float32
    assert apply("norm_no_clip", VALUES.astype(np.float32), COLUMNS).dtype == np.float64


def test_no_norm_returns_the_input_itself():
    assert apply("no_norm", VALUES, COLUMNS) is VALUES


def test_a_mistyped_method_is_answered_with_the_one_that_was_meant():
    with pytest.raises(ConfigError, match='Did you mean "norm_yes_clip_2_std_int"'):
        apply("norm_yes_clip_2std_int", VALUES, COLUMNS)


def test_a_statistic_that_nobody_published_is_missed_only_where_it_is_needed():
    columns = Columns.of([Statistics(1000.0, 500.0)])
    assert apply("norm_no_clip", VALUES, columns).shape == VALUES.shape
    with pytest.raises(DataError, match="No minimum"):
        apply("norm_yes_clip_min_max_int", VALUES, columns)
