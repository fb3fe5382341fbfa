"""What band dropout and the two subsamplings share: nothing is invented, enough is kept, samples do not meet."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from olmoearth_core.data.random import Draws
from olmoearth_core.errors import ConfigError
from olmoearth_core.testing.samples import draws, uniform
from olmoearth_core.testing.transforms import pixels, specs
from olmoearth_plugins.transforms.band_dropout import band_dropout
from olmoearth_plugins.transforms.band_subsampling import band_subsampling
from olmoearth_plugins.transforms.hiding import kept, rates
from olmoearth_plugins.transforms.time_subsampling import time_subsampling

ALL = (band_dropout, band_subsampling, time_subsampling)
FACTORIES = pytest.mark.parametrize("factory", ALL, ids=lambda f: f.__name__)


@settings(max_examples=30, deadline=None)
@given(factory=st.sampled_from(ALL), seed=st.integers(0, 10_000), rate=st.floats(0, 1), random=st.booleans())
def test_hidden_is_absent_and_what_stays_is_untouched(factory, seed, rate, random):
    given_ = pixels(seed)
    made = factory(rate=rate, random=random).apply(given_, specs(), draws(seed))
    for name, array in made.arrays.items():
        there = made.presence[name]
        assert not (there & ~given_.presence[name]).any()
        assert torch.equal(array, torch.where(there, given_.arrays[name], 0))


@FACTORIES
def test_a_rate_of_zero_changes_nothing(factory):
    made, given_ = factory(rate=0.0, random=False).apply(pixels(), specs(), draws()), pixels()
    assert all(torch.equal(made.presence[n], given_.presence[n]) for n in made.presence)


@FACTORIES
def test_a_sample_alone_loses_what_it_loses_in_a_batch(factory):
    given_, transform = pixels(), factory(rate=0.7)
    whole = transform.apply(given_, specs(), draws())
    alone = replace(
        given_,
        arrays={n: a[2:3] for n, a in given_.arrays.items()},
        presence={n: p[2:3] for n, p in given_.presence.items()},
        timestamps=given_.timestamps[2:3],
    )
    made = transform.apply(alone, specs(), draws().rows(slice(2, 3)))
    assert all(torch.equal(made.presence[n][0], whole.presence[n][2]) for n in made.presence)


@FACTORIES
def test_only_the_modalities_asked_for_lose_something(factory):
    given_ = pixels()
    made = factory(rate=1.0, random=False, modalities=["check_images"]).apply(given_, specs(), draws())
    changed = [n for n in made.arrays if not torch.equal(made.presence[n], given_.presence[n])]
    assert changed == ["check_images"]
    assert factory(modalities=["nobody"]).apply(given_, specs(), draws()).arrays == given_.arrays


@FACTORIES
@pytest.mark.parametrize("rate", [-0.1, 1.1])
def test_a_rate_that_is_no_share_is_refused(factory, rate):
    with pytest.raises(ConfigError, match=f"{factory.__name__}.v1: rate is {rate}"):
        factory(rate=rate)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), least=st.integers(0, 5), rate=st.floats(0, 1))
def test_at_least_so_many_of_those_there_are_kept(seed, least, rate):
    lots, there = draws(seed)("lots", 7), uniform((4, 7), "there", seed) < 0.6
    left = (kept(lots, there, torch.full((4, 1), rate), least) & there).sum(1)
    assert (left >= torch.minimum(there.sum(1), torch.tensor(least))).all()


def test_rates_are_met():
    many = Draws(range(20_000))
    everything = torch.ones(20_000, 5, dtype=torch.bool)
    fixed = kept(many("lots", 5), everything, rates(many, "rate", 0.4, random=False), 0)
    drawn = kept(many("lots", 5), everything, rates(many, "rate", 0.4, random=True), 0)
    assert fixed.float().mean().item() == pytest.approx(0.6, abs=0.01)
    assert drawn.float().mean().item() == pytest.approx(0.8, abs=0.01)
