import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from olmoearth_core.features import nearest as module
from olmoearth_core.features.nearest import Rows, nearest


def features(count, width, seed, *, shift=0.0, classes=5, signal=1.0):
    generator = torch.Generator().manual_seed(seed)
    centers = torch.randn(classes, width, generator=torch.Generator().manual_seed(99)) * signal
    which = torch.randint(0, classes, (count,), generator=generator)
    return torch.randn(count, width, generator=generator) + centers[which] + shift


def full(query, reference, k):
    unit = normalize(query.double(), dim=-1) @ normalize(reference.double(), dim=-1).mT
    return unit.topk(k, dim=1)


@pytest.mark.parametrize("case", [{}, {"shift": 3.0}, {"signal": 8.0}, {"signal": 0.0}])
def test_neighbours_found_by_way_of_eight_bits_are_those_of_a_full_search(case, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK_BYTES", 4 * 64 * 12000)
    query, reference = features(1100, 64, 1, **case), features(21000, 64, 2, **case)
    near, at = nearest(Rows(query), Rows(reference), 20)
    want, _ = full(query, reference, 20)
    torch.testing.assert_close(near.double(), want, atol=2e-6, rtol=0)
    own = (normalize(query, dim=-1)[:, None] * normalize(reference, dim=-1)[at]).sum(-1)
    torch.testing.assert_close(near, own, atol=2e-6, rtol=0)
    assert all(len(set(row)) == 20 for row in at.tolist())


def test_eight_bits_really_rule_out_most_pairs(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "_full", lambda *given: asked.append(given))
    nearest(Rows(features(600, 64, 1)), Rows(features(20000, 64, 2)), 5)
    assert asked == [] or not module._exact_int8(64)


def test_features_that_are_all_alike_zero_or_opposite_are_searched_in_full():
    reference = torch.zeros(9000, 64)
    reference[:3000], reference[3000:6000] = 1.0, -1.0
    near, at = nearest(Rows(torch.ones(512, 64)), Rows(reference), 20)
    torch.testing.assert_close(near, torch.ones(512, 20))
    assert int(at.max()) < 3000


def test_a_processor_that_cannot_multiply_whole_numbers_searches_in_full(monkeypatch):
    query, reference = features(600, 64, 1), features(9000, 64, 2)
    near, _ = nearest(Rows(query), Rows(reference), 7)
    monkeypatch.setattr(torch, "_int_mm", lambda a, b: torch.zeros(len(a), b.shape[1], dtype=torch.int32))
    assert not module._exact_int8(64)
    torch.testing.assert_close(nearest(Rows(query), Rows(reference), 7)[0], near, atol=1e-6, rtol=0)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 30), st.integers(1, 40), st.integers(1, 9), st.integers(0, 9))
def test_few_features_are_searched_in_full_whatever_their_number(queries, references, width, seed):
    query, reference = features(queries, width, seed), features(references, width, seed + 1)
    k = min(5, references)
    near, at = nearest(Rows(query), Rows(reference), k)
    torch.testing.assert_close(near.double(), full(query, reference, k)[0], atol=1e-5, rtol=0)
    assert at.shape == (queries, k)


def test_chosen_rows_of_a_grid_are_counted_along_the_flattened_grid():
    grid = features(24, 4, 3).view(6, 2, 2, 4)
    rows = torch.tensor([5, 0, 23])
    near, at = nearest(Rows(grid, torch.tensor([23])), Rows(grid, rows), 1)
    assert at.tolist() == [[2]]
    torch.testing.assert_close(near, torch.ones(1, 1))


def test_bfloat16_is_kept_if_asked():
    near, _ = nearest(Rows(torch.ones(2, 4).bfloat16()), Rows(torch.ones(3, 4).bfloat16()), 2, dtype=None)
    assert near.dtype == torch.bfloat16
