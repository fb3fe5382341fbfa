"""Order by lot, against the plain way to say it."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from olmoearth_masking.counting import rank


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), num=st.integers(1, 40), levels=st.integers(1, 50))
def test_ranks_are_places_in_a_stable_sort_with_those_not_eligible_last(seed, num, levels):
    generator = torch.Generator().manual_seed(seed)
    lots = torch.randint(levels, (3, num), generator=generator).double() / levels
    eligible = torch.rand(3, num, generator=generator) < 0.7
    for places, row, may in zip(rank(lots, eligible), lots.tolist(), eligible.tolist(), strict=True):
        order = sorted(range(num), key=lambda i: (not may[i], row[i] if may[i] else 0))
        assert [order.index(i) for i in range(num)] == places.tolist()


def test_the_largest_lot_still_comes_before_those_not_eligible():
    lots = torch.tensor([[0.0, 1 - 2**-53, 0.5]], dtype=torch.float64)
    assert rank(lots, torch.tensor([[False, True, True]])).tolist() == [[2, 1, 0]]
