"""The conformance kit finds each way in which a transform can break its promise."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from olmoearth_core.registry import HERE, Component
from olmoearth_core.testing import transforms as kit
from olmoearth_core.testing.subject import NotApplicable, Subject


class Wrong:
    """Applies a function that breaks something."""

    def __init__(self, break_):
        self.break_ = break_

    def apply(self, pixels, specs, draw):
        return self.break_(pixels)


def shorter(pixels):
    return replace(pixels, arrays={n: a[:, :1] for n, a in pixels.arrays.items()})


def leaky(pixels):
    return replace(pixels, arrays={n: a + 1 for n, a in pixels.arrays.items()})


def inventive(pixels):
    return replace(pixels, presence={n: torch.ones_like(p) for n, p in pixels.presence.items()})


def in_place(pixels):
    next(iter(pixels.arrays.values())).mul_(2)
    return pixels


def noisy(pixels):
    return replace(pixels, arrays={n: a * torch.rand(()) for n, a in pixels.arrays.items()})


def chancy(pixels):
    random.random()
    return pixels


def lucky(pixels):
    np.random.rand()
    return pixels


def renumbered(pixels):
    return replace(pixels, timestamps=pixels.timestamps.float())


@pytest.mark.parametrize(
    ("break_", "check"),
    [
        (shorter, "shapes_and_types_stay"),
        (renumbered, "shapes_and_types_stay"),
        (leaky, "absent_pixels_are_zero"),
        (inventive, "a_sample_with_nothing_in_it_is_no_trouble"),
        (in_place, "its_pixels_are_left_alone"),
        (noisy, "the_same_draws_give_the_same_pixels"),
        (noisy, "global_random_state_is_left_alone"),
        (chancy, "global_random_state_is_left_alone"),
        (lucky, "global_random_state_is_left_alone"),
    ],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_a_broken_promise_is_found(break_, check, monkeypatch):
    subject = subject_of(Wrong(break_), monkeypatch)
    with pytest.raises(AssertionError):
        getattr(kit, check)(subject)


@pytest.mark.parametrize("check", kit.CHECKS)
def test_a_transform_that_does_nothing_keeps_all_promises(check, monkeypatch):
    getattr(kit, check)(subject_of(Wrong(lambda pixels: pixels), monkeypatch))


@pytest.mark.parametrize("check", kit.CHECKS)
def test_derivations_are_not_looked_at(check, monkeypatch):
    with pytest.raises(NotApplicable):
        getattr(kit, check)(subject_of(lambda array, presence: (array, presence), monkeypatch))


def subject_of(product, monkeypatch):
    monkeypatch.setattr(Subject, "fresh", lambda self: product)
    return Subject(Component("transforms", "x.y.v1", HERE, "", "x:y", lambda: None))


def test_the_made_up_pixels_cover_every_kind_and_presence_as_a_view():
    made, specs = kit.pixels(), kit.specs()
    assert {spec.kind for spec in specs} == {"space_time", "space", "time", "static"}
    assert {spec.size_factor for spec in specs if spec.spatial} == {1, 4}
    assert any(0 in p.stride() for p in made.presence.values())
    assert all(p.any() and not p.all() for p in made.presence.values())
