"""Poolings by hand, and tables of features that do not fit into memory."""

import numpy as np
import pytest
import torch

from olmoearth_core.data.tokens import ENCODE, MISSING
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.profile import checked
from olmoearth_core.features import store
from olmoearth_core.features.compress import Compression
from olmoearth_core.features.pooling import center, grid_mean_counting_gaps, groups_apart, pool_grid, pool_of
from olmoearth_core.interfaces.evaluation import Task
from olmoearth_core.interfaces.loss import Tokens


def tokens():
    """Two modalities of one patch; the second is not there."""
    here = torch.full((1, 1, 1, 2, 2, 1), 4.0)
    masks = {"a": torch.full((1, 1, 1, 2, 2), ENCODE), "b": torch.full((1, 1, 1, 2, 2), MISSING)}
    return Tokens({"a": here, "b": here * 9}, masks)


def test_a_modality_that_is_not_there_does_not_count():
    assert pool_grid(tokens()).item() == 4.0


def test_the_references_mean_counts_gaps_of_a_modality_that_a_batch_mate_has():
    one, other = tokens(), tokens()
    other.masks["b"].fill_(ENCODE)
    both = Tokens(
        {name: torch.cat([one.tokens[name], other.tokens[name]]) for name in "ab"},
        {name: torch.cat([one.masks[name], other.masks[name]]) for name in "ab"},
    )
    assert grid_mean_counting_gaps(both).flatten().tolist() == [2.0, 20.0]
    assert grid_mean_counting_gaps(one).item() == 4.0
    assert pool_grid(both).flatten().tolist() == [4.0, 20.0]


def test_band_groups_stay_apart_on_request():
    assert groups_apart(tokens()).shape == (1, 1, 1, 4, 1)
    assert groups_apart(tokens()).flatten().tolist() == [4.0, 4.0, 0.0, 0.0]


@pytest.mark.parametrize(("grid", "place"), [((7, 7), (3, 3)), ((8, 8), (4, 4)), ((4, 6), (2, 3))])
def test_the_patch_in_the_middle(grid, place):
    """Acceptance check 22."""
    numbered = torch.arange(grid[0] * grid[1]).reshape(1, *grid, 1)
    assert center(numbered).item() == place[0] * grid[1] + place[1]


def test_poolings_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="mean, max, center"):
        pool_of("median", grid=True)
    with pytest.raises(ConfigError, match="label per patch"):
        pool_of("center", grid=True)
    with pytest.raises(ConfigError, match="band groups"):
        pool_of("mean", grid=False, concat=True)


def test_a_large_table_is_mapped_from_a_file_without_a_name_and_holds_the_same(tmp_path):
    parts = np.random.default_rng(0).random((6, 2, 2, 3), np.float32)
    small, large = store.Table(6), store.Table(6, most=8, folder=tmp_path)
    for start in (0, 4):
        small.fill(start, parts[start : start + 4])
        large.fill(start, parts[start : start + 4])
    assert torch.equal(small.tensor(), large.tensor())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DataError, match="one patch grid"):
        large.fill(4, parts[4:, :1])
    with pytest.raises(DataError, match="no samples to embed"):
        store.Table(0).tensor()


def test_a_full_disk_is_an_error_and_not_a_crash(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.os, "posix_fallocate", full)
    with pytest.raises(DataError, match="find no place"):
        store.Table(1000, most=8, folder=tmp_path).fill(0, np.zeros((1, 9), np.float32))


def test_what_cannot_be_compressed_is_said_before_anything_is_read():
    task = {"benchmark": None, "evaluator": None}
    with pytest.raises(ConfigError, match="int8, 1bit"):
        Compression.of(Task(**task, quantize="3bit"))
    with pytest.raises(ConfigError, match="quantiles"):
        Compression.of(Task(**task, quantize="8bit"))
    assert Compression.of(Task(**task, quantize="int8")).rounded(torch.tensor([[4.0]])).item() < 1


def test_a_profile_with_a_typo_is_refused():
    with pytest.raises(ConfigError, match=r'Did you mean "reference-2026\.07"'):
        checked("reference-2026.7")
