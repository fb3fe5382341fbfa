"""Acceptance checks 23, 24 and 39 of the data chapter: which sample comes when."""

import numpy as np
import pytest

from olmoearth_core.data.order import batches_per_epoch, global_order, rank_rows, write_global_indices
from olmoearth_core.errors import ConfigError


@pytest.mark.parametrize(
    ("count", "batch", "seed", "repeats", "expected"),
    [
        (20, 2, 42, 1, [17, 13, 7, 8, 2, 10, 12, 19, 6, 18, 14, 16, 9, 1, 11, 5, 4, 15, 0, 3]),
        (10, 1, 3622, 1, [0, 3, 5, 8, 2, 9, 6, 4, 7, 1]),
        (5, 2, 42, 2, [4, 1, 2, 0, 2, 3, 0, 1]),
    ],
)
def test_the_order_of_the_first_epoch_is_the_documented_one(count, batch, seed, repeats, expected):
    assert global_order(count, batch, seed=seed, epoch=1, repeats=repeats).ravel().tolist() == expected


def test_the_second_epoch_has_its_own_order():
    assert global_order(20, 2, seed=42, epoch=2).ravel()[:4].tolist() == [13, 9, 8, 4]


@pytest.mark.parametrize(("count", "batch", "expected"), [(50, 16, 3), (22, 64, 0), (22, 8, 2)])
def test_only_whole_batches_count(count, batch, expected):
    assert batches_per_epoch(count, batch) == expected == len(global_order(count, batch, seed=0, epoch=1))


def test_a_rank_takes_every_other_column():
    order = global_order(16, 8, seed=0, epoch=1, shuffle=False)
    rows = list(rank_rows(8, rank=1, world_size=2))
    assert order[:, rows].ravel().tolist() == [1, 3, 5, 7, 9, 11, 13, 15]
    assert order[1:, rows].ravel().tolist() == [9, 11, 13, 15]


def test_a_batch_that_cannot_be_dealt_evenly_is_refused():
    with pytest.raises(ConfigError, match=r"8 cannot be dealt to 3 ranks evenly. Use 6 or 9"):
        rank_rows(8, rank=0, world_size=3)


def test_epochs_count_from_one():
    with pytest.raises(ConfigError, match="epochs count from 1"):
        global_order(4, 2, seed=0, epoch=0)


def test_an_index_file_is_80_bytes_without_a_header(tmp_path):
    order = global_order(20, 2, seed=42, epoch=1)
    path = write_global_indices(tmp_path, order, epoch=1, seed=42)
    assert (path.name, path.stat().st_size) == ("global_indices_epoch1_seed42_size20.npy", 80)
    assert np.fromfile(path, np.uint32).tolist() == order.ravel().tolist()
