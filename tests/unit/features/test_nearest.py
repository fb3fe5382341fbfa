"""Neighbours found by way of bounds are those of a full search, whichever bound it is and whatever the features are."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from olmoearth_core.features import nearest as module
from olmoearth_core.features import prune_int8, prune_leading
from olmoearth_core.features.nearest import Rows, nearest
from olmoearth_core.features.prune_leading import directions, turned


def features(count, width, seed, *, shift=0.0, classes=5, signal=1.0, decay=0.0):
    generator = torch.Generator().manual_seed(seed)
    centers = torch.randn(classes, width, generator=torch.Generator().manual_seed(99)) * signal
    which = torch.randint(0, classes, (count,), generator=generator)
    rows = torch.randn(count, width, generator=generator) + centers[which] + shift
    return rows * torch.arange(1, width + 1) ** -decay


def full(query, reference, k):
    unit = normalize(query.double(), dim=-1) @ normalize(reference.double(), dim=-1).mT
    return unit.topk(k, dim=1)


@pytest.fixture(params=["leading", "int8", "none"])
def bound(request, monkeypatch):
    """Allow one kind of bound, also where this processor would not be the faster for it."""
    if request.param != "leading":
        monkeypatch.setattr(prune_leading, "_COUNTS", ())
    monkeypatch.setattr(prune_int8, "available", lambda width: request.param == "int8")
    if request.param == "int8":
        # Exact everywhere; torch's own is only fast where there are instructions for it.
        monkeypatch.setattr(torch, "_int_mm", lambda a, b, out: out.copy_(a.double() @ b.double()))
    return request.param


CASES = [{}, {"shift": 3.0}, {"signal": 8.0}, {"signal": 0.0}, {"decay": 1.0}, {"decay": 2.0, "shift": 1.0}]


@pytest.mark.parametrize("case", CASES)
def test_neighbours_found_by_way_of_bounds_are_those_of_a_full_search(case, bound, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK_BYTES", 4 * 64 * 12000)
    query, reference = features(1100, 64, 1, **case), features(21000, 64, 2, **case)
    near, at = nearest(Rows(query), Rows(reference), 20)
    want, _ = full(query, reference, 20)
    torch.testing.assert_close(near.double(), want, atol=2e-6, rtol=0)
    own = (normalize(query, dim=-1)[:, None] * normalize(reference, dim=-1)[at]).sum(-1)
    torch.testing.assert_close(near, own, atol=2e-6, rtol=0)
    assert all(len(set(row)) == 20 for row in at.tolist())


@pytest.mark.parametrize("bound", ["leading", "int8"], indirect=True)
def test_bounds_really_rule_out_most_pairs(bound, monkeypatch):
    asked, case = [], {"decay": 1.0} if bound == "leading" else {}
    monkeypatch.setattr(module, "_full", lambda *given: asked.append(given))
    nearest(Rows(features(600, 64, 1, **case)), Rows(features(20000, 64, 2, **case)), 5)
    assert asked == []


def test_no_cosine_exceeds_its_bound_even_if_nothing_is_left_beside_the_directions():
    rows = normalize(torch.cat([features(500, 64, 1, decay=3.0), torch.eye(64), torch.ones(5, 64)]), dim=-1)
    chosen = torch.linalg.eigh(rows.mT @ rows).eigenvectors.flip(1)
    for count in (1, 8, 63):
        lines = turned(rows, chosen[:, :count].contiguous())
        assert ((lines @ lines.mT).double() - rows.double() @ rows.double().mT).min() > -2e-6


def test_directions_are_offered_only_where_they_pay():
    flat, steep = ([normalize(features(2000, 64, i, decay=d), dim=-1) for i in range(3)] for d in (0.0, 1.5))
    assert directions(*flat, 20 / 100_000) is None
    found = directions(*steep, 20 / 100_000)
    assert found.shape[1] <= 32
    torch.testing.assert_close(found.mT @ found, torch.eye(found.shape[1]), atol=1e-5, rtol=0)


def test_features_that_are_all_alike_zero_or_opposite_are_searched_in_full(bound):
    reference = torch.zeros(9000, 64)
    reference[:3000], reference[3000:6000] = 1.0, -1.0
    near, at = nearest(Rows(torch.ones(512, 64)), Rows(reference), 20)
    torch.testing.assert_close(near, torch.ones(512, 20))
    assert int(at.max()) < 3000


def test_a_processor_that_saturates_or_has_no_instructions_for_it_does_not_use_eight_bits(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: True, raising=False)
    monkeypatch.setattr(torch, "_int_mm", lambda a, b: torch.zeros(len(a), b.shape[1], dtype=torch.int32))
    assert not prune_int8.available(64)
    monkeypatch.setattr(torch, "_int_mm", lambda a, b: (a.double() @ b.double()).int())
    assert prune_int8.available(64)
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: False, raising=False)
    assert not prune_int8.available(64)


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
