"""Acceptance checks 14, 15 and 16 of the data chapter: the cut time axis, places of stored steps, starts."""

import numpy as np
import pytest

from olmoearth_core.data.steps import span, start_steps, timeline
from olmoearth_core.errors import DataError


def bits(text: str) -> np.ndarray:
    return np.array([c in "T1" for c in text])


def axis(rows: int) -> np.ndarray:
    return np.array([[1, k, 2020] for k in range(rows)], np.int32)


def test_the_axis_is_cut_to_where_any_modality_has_data():
    first, last = span([bits("TTTTTTTTFF"), bits("FFFTTTTTTF")], 10)
    assert last - first + 1 == 9


def test_without_masks_every_row_stays():
    assert span([], 12) == (0, 11)


def test_masks_without_a_single_step_are_an_error():
    with pytest.raises(DataError, match="no modality has a single time step"):
        span([bits("FFF")], 3)


@pytest.mark.parametrize(
    ("masks", "length", "steps", "expected"),
    [
        ({}, 12, 3, list(range(10))),
        ({}, 12, 12, [0]),
        ({"a": "11110011", "b": "11110010"}, 8, 2, [0, 1, 2, 3, 6]),
        ({"a": "10010011"}, 8, 5, [0, 3]),
    ],
)
def test_a_window_starts_where_a_modality_is_there(masks, length, steps, expected):
    assert start_steps({k: bits(v) for k, v in masks.items()}, length, steps).tolist() == expected


def test_a_mask_that_begins_after_the_axis_leaves_no_start():
    with pytest.raises(DataError, match="no modality has data"):
        start_steps({"a": bits("FFFFFFTTTTTT")}, 6, 2)


def test_the_kth_stored_step_goes_to_the_kth_true():
    found = timeline(axis(3), {"a": bits("TFT")}, {"a": 10})
    first, count, places = found.stored("a", 0, 5)
    assert (first, count, places.tolist()) == (0, 2, [0, 2])


def test_stored_steps_before_the_window_are_skipped():
    found = timeline(axis(6), {"a": bits("FTTFTT")}, {"a": 4})
    first, count, places = found.stored("a", 2, 3)
    assert (found.length, first, count, places.tolist()) == (5, 2, 2, [1, 2])


def test_a_series_without_a_mask_is_cut_together_with_the_timestamps():
    found = timeline(axis(12), {"a": bits("FFTTTTTTTTTT")}, {"a": 10, "series": 12})
    first, count, _ = found.stored("series", 0, 4)
    assert (found.timestamps[0, 1], first, count) == (2, 2, 4)


def test_a_true_without_a_stored_step_is_absent():
    found = timeline(axis(4), {"a": bits("TTTT")}, {"a": 3})
    assert found.present["a"].tolist() == [True, True, True]


def test_rows_past_the_end_repeat_the_last_timestamp():
    found = timeline(axis(3), {}, {"a": 3})
    assert found.window_timestamps(1, 4)[:, 1].tolist() == [1, 2, 2, 2]


def test_a_mask_of_another_length_than_the_timestamps_is_an_error():
    with pytest.raises(DataError, match="step mask of a has 4 rows, but there are 3"):
        timeline(axis(3), {"a": bits("TTTT")}, {"a": 4})
