import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.splits import block_split, cap_per_class


@given(st.lists(st.sampled_from("abcdefg"), min_size=2, max_size=60), st.integers(0, 9), st.floats(0.05, 0.95))
def test_a_group_is_never_cut_and_every_sample_is_on_one_side(groups, seed, fraction):
    if len(set(groups)) < 2:
        return
    train, test = block_split(groups, test_fraction=fraction, seed=seed)
    assert sorted([*train, *test]) == list(range(len(groups)))
    assert min(len(train), len(test)) > 0
    assert not {groups[i] for i in train} & {groups[i] for i in test}


def test_the_test_side_holds_about_the_asked_share():
    groups = [f"block {i // 10}" for i in range(1000)]
    _, test = block_split(groups, test_fraction=0.3, seed=0)
    assert len(test) == 300


def test_the_split_follows_the_seed_and_not_the_order_of_samples():
    groups = [f"g{i % 8}" for i in range(40)]
    _, test = block_split(groups, test_fraction=0.4, seed=3)
    _, turned = block_split(groups[::-1], test_fraction=0.4, seed=3)
    assert {groups[i] for i in test} == {groups[::-1][i] for i in turned}
    others = {tuple(block_split(groups, test_fraction=0.4, seed=s)[1]) for s in range(8)}
    assert len(others) > 1


def test_one_group_cannot_be_split():
    with pytest.raises(DataError, match="at least 2 groups"):
        block_split(["here"] * 5, test_fraction=0.5, seed=0)


def test_a_share_outside_zero_and_one_is_refused():
    with pytest.raises(ConfigError, match="test_fraction is 1"):
        block_split(["a", "b"], test_fraction=1, seed=0)


def test_a_cap_keeps_that_many_of_each_class_and_rare_classes_whole():
    labels = np.array([0] * 50 + [1] * 3 + [2] * 20)
    kept = cap_per_class(labels, 10, seed=1)
    assert np.bincount(labels[kept]).tolist() == [10, 3, 10]
    assert (np.diff(kept) > 0).all()
    assert len(cap_per_class(labels, None, seed=1)) == 73
