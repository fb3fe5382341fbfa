"""Mixup: its distribution, what a missing value does, and that ranks change nothing."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from olmoearth_core.data.random import Draws
from olmoearth_core.errors import ConfigError
from olmoearth_core.testing.samples import SAMPLES, draws
from olmoearth_core.testing.transforms import pixels, specs
from olmoearth_plugins.transforms.mixup import mixup
from olmoearth_plugins.transforms.symmetric_beta import symmetric_beta

SHARES = torch.tensor([0.05, 0.25, 0.5, 0.9], dtype=torch.float64)
CDF = {
    0.5: 2 / torch.pi * SHARES.sqrt().asin(),  # arcsine
    1.0: SHARES,  # uniform
    2.0: 3 * SHARES**2 - 2 * SHARES**3,
    3.0: 10 * SHARES**3 - 15 * SHARES**4 + 6 * SHARES**5,
}


def rows(given_, index):
    return replace(
        given_,
        arrays={n: a[index] for n, a in given_.arrays.items()},
        presence={n: p[index] for n, p in given_.presence.items()},
        timestamps=given_.timestamps[index],
    )


@pytest.mark.parametrize("alpha", CDF)
def test_shares_follow_the_beta_distribution(alpha):
    drawn = symmetric_beta(Draws(range(40_000))("share", 2), alpha)
    found = torch.stack([(drawn <= share).double().mean() for share in SHARES])
    assert torch.allclose(found, CDF[alpha], atol=0.01)


@pytest.mark.parametrize("alpha", [1e-3, 0.2, 1.0, 50.0])
def test_shares_have_the_variance_of_the_beta_distribution_and_are_never_nan(alpha):
    edges = torch.tensor([[0.0, 0.0], [0.0, 0.25], [1 - 2**-53, 0.5], [2**-53, 0.75]], dtype=torch.float64)
    drawn = symmetric_beta(torch.cat([Draws(range(40_000))("share", 2), edges]), alpha)
    assert ((drawn >= 0) & (drawn <= 1)).all()
    assert drawn.var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.03)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), alpha=st.sampled_from([0.2, 1.0, 4.0]))
def test_values_lie_between_the_two_and_presence_is_ones_own(seed, alpha):
    given_ = pixels(seed)
    made = mixup(alpha=alpha).apply(given_, specs(), draws(seed))
    for name, own in given_.arrays.items():
        other, there = own.roll(-2, 0), given_.presence[name]
        both = there & there.roll(-2, 0)
        low, high = torch.minimum(own, other) - 1e-5, torch.maximum(own, other) + 1e-5
        assert ((made.arrays[name] >= low) & (made.arrays[name] <= high))[both].all()
        assert torch.equal(made.arrays[name][~both], own[~both])
        assert torch.equal(made.presence[name], there)


def test_shares_blend_and_classes_are_taken_whole():
    given_, specs_ = pixels(), specs()
    share = symmetric_beta(draws()("share", 2), 1.0)
    made = mixup().apply(given_, specs_, draws())
    for row in range(SAMPLES):
        partner = (row + SAMPLES // 2) % SAMPLES
        both = given_.presence["check_smooth"][row] & given_.presence["check_smooth"][partner]
        a, b = given_.arrays["check_smooth"][row], given_.arrays["check_smooth"][partner]
        assert torch.allclose(
            made.arrays["check_smooth"][row][both], ((1 - share[row]) * a + share[row] * b).float()[both], atol=1e-6
        )
        near = partner if share[row] >= 0.5 else row
        both = given_.presence["check_fine"][row] & given_.presence["check_fine"][partner]
        assert torch.equal(made.arrays["check_fine"][row][both], given_.arrays["check_fine"][near][both])
        assert torch.equal(made.timestamps[row], given_.timestamps[near])
    assert 0 < int((share >= 0.5).sum()) < SAMPLES


@pytest.mark.parametrize("ranks", [2, 4])
def test_the_number_of_ranks_changes_nothing_while_each_has_an_even_batch(ranks):
    given_, draw = pixels(batch=8), draws(samples=8)
    whole = mixup().apply(given_, specs(), draw)
    for rank in range(ranks):
        part = slice(rank, None, ranks)
        made = mixup().apply(rows(given_, part), specs(), draw.rows(part))
        assert all(torch.equal(made.arrays[n], whole.arrays[n][part]) for n in made.arrays)
        assert torch.equal(made.timestamps, whole.timestamps[part])


def test_a_batch_of_one_stays_as_it_is():
    given_ = rows(pixels(), slice(0, 1))
    made = mixup().apply(given_, specs(), draws(samples=1))
    assert all(torch.equal(made.arrays[n], given_.arrays[n]) for n in made.arrays)


def test_half_precision_stays():
    given_ = pixels()
    half = replace(given_, arrays={n: a.half() for n, a in given_.arrays.items()})
    assert {a.dtype for a in mixup().apply(half, specs(), draws()).arrays.values()} == {torch.float16}


@pytest.mark.parametrize("alpha", [0.0, -1.0, float("nan")])
def test_an_alpha_that_is_not_above_zero_is_refused(alpha):
    with pytest.raises(ConfigError, match=r"olmoearth\.mixup\.v1: alpha is"):
        mixup(alpha=alpha)
