"""What a transform must do with any modalities, of every kind and resolution.

Components that derive a modality share the kind; they have no batch and are not looked at here.
"""

# B samples, H W pixels, T steps, C bands
from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec
from olmoearth_core.interfaces.transform import Pixels, Transform
from olmoearth_core.testing import samples
from olmoearth_core.testing.samples import SAMPLES, STEPS, draws, normal, uniform
from olmoearth_core.testing.subject import NotApplicable, Subject

CHECKS = (
    "shapes_and_types_stay",
    "absent_pixels_are_zero",
    "a_sample_with_nothing_in_it_is_no_trouble",
    "one_sample_is_a_batch",
    "the_same_draws_give_the_same_pixels",
    "global_random_state_is_left_alone",
    "its_pixels_are_left_alone",
)
PATCH, PATCHES, SEEDS = 2, 3, 5


def shapes_and_types_stay(subject: Subject) -> None:
    """The same modalities in the same order, shaped alike; presence fits its array."""
    given, made = pixels(), _applied(subject)
    assert list(made.arrays) == list(made.presence) == list(given.arrays)
    for name, array in given.arrays.items():
        _assert_alike(name, made.arrays[name], array)
        _assert_alike(f"presence of {name}", made.presence[name], given.presence[name])
    _assert_alike("timestamps", made.timestamps, given.timestamps)
    assert made.patch_size == given.patch_size, "patch_size changed"


def absent_pixels_are_zero(subject: Subject) -> None:
    """Values and presence change together, so that nothing absent is mixed into what is there."""
    for seed in range(SEEDS):
        _assert_sound(_applied(subject, seed))


def a_sample_with_nothing_in_it_is_no_trouble(subject: Subject) -> None:
    """A modality may be missing from all samples."""
    given = pixels()
    nothing = replace(
        given,
        arrays={name: torch.zeros_like(a) for name, a in given.arrays.items()},
        presence={name: torch.zeros(1, dtype=torch.bool).expand(a.shape) for name, a in given.arrays.items()},
    )
    made = _transform(subject).apply(nothing, specs(), draws())
    assert not any(bool(p.any()) for p in made.presence.values()), "pixels appear where no sample had any"
    _assert_sound(made)


def one_sample_is_a_batch(subject: Subject) -> None:
    """A rank may have a single sample."""
    made = _transform(subject).apply(_first(pixels()), specs(), draws(samples=1))
    assert all(len(array) == 1 for array in made.arrays.values())


def the_same_draws_give_the_same_pixels(subject: Subject) -> None:
    """A resumed run sees the same pixels, also from a transform made anew."""
    _transform(subject)
    again = subject.fresh().apply(pixels(), specs(), draws())
    assert _equal(_applied(subject), again), "the same draws gave other pixels"


def global_random_state_is_left_alone(subject: Subject) -> None:
    """Randomness comes from the draws, or a resumed run would go another way."""
    states: tuple[Callable[[], Any], ...] = (
        torch.get_rng_state, random.getstate, lambda: [str(part) for part in np.random.get_state()],
    )  # fmt: skip
    before = [state() for state in states]
    _applied(subject)
    names = ("torch", "random", "numpy")
    for name, old, state in zip(names, before, states, strict=True):
        same = torch.equal(old, state()) if name == "torch" else old == state()
        assert same, f"it draws from the global generator of {name}"


def its_pixels_are_left_alone(subject: Subject) -> None:
    """Presence may be a view of which one entry stands for many."""
    given = pixels()
    _transform(subject).apply(given, specs(), draws())
    assert _equal(given, pixels()), "it writes into the pixels it was given"


def specs() -> tuple[ModalitySpec, ...]:
    """Return the made-up modalities of all kinds, and two more: finer pixels, and values that may be averaged."""
    return (
        *samples.specs(),
        ModalitySpec("check_fine", (BandSet(("red", "green"), 4),), 16, multitemporal=False, size_factor=4),
        ModalitySpec("check_smooth", (BandSet(("p", "q"), 16),), 16, multitemporal=True, resampling="bilinear"),
    )


def pixels(seed: int = 0, *, batch: int = SAMPLES) -> Pixels:
    """Return random pixels with gaps: by pixel, by step (as expanded views), and whole modalities of some samples."""
    arrays, presence = {}, {}
    for spec in specs():
        shape = (batch, *spec.array_shape(PATCH * PATCHES, PATCH * PATCHES, STEPS))
        there = _presence(spec, shape, seed)
        presence[spec.name] = there
        arrays[spec.name] = normal(shape, "pixels", spec.name, seed) * there
    months_BT = torch.arange(batch)[:, None] + torch.arange(STEPS)
    timestamps = torch.stack([torch.ones_like(months_BT), months_BT % 12, 2000 + months_BT], -1).int()
    return Pixels(arrays, presence, timestamps, PATCH)


def _presence(spec: ModalitySpec, shape: tuple[int, ...], seed: int) -> Tensor:
    by_step = spec.name == "check_smooth"
    small = (shape[0], 1, 1, shape[3], 1) if by_step else shape
    there = uniform(small, "there", spec.name, seed) < 0.7
    if spec.name in ("check_map", "check_series"):
        there[0] = False
    return there.expand(shape)


def _transform(subject: Subject) -> Transform:
    if not isinstance(subject.product, Transform):
        raise NotApplicable("derives a modality, does not change batches")
    return subject.product


def _applied(subject: Subject, seed: int = 0) -> Pixels:
    return _transform(subject).apply(pixels(seed), specs(), draws(seed))


def _first(given: Pixels) -> Pixels:
    arrays = {name: a[:1] for name, a in given.arrays.items()}
    return Pixels(arrays, {name: p[:1] for name, p in given.presence.items()}, given.timestamps[:1], given.patch_size)


def _assert_alike(name: str, found: Tensor, expected: Tensor) -> None:
    assert found.shape == expected.shape, f"{name}: {tuple(found.shape)} instead of {tuple(expected.shape)}"
    assert found.dtype == expected.dtype, f"{name}: {found.dtype} instead of {expected.dtype}"


def _assert_sound(made: Pixels) -> None:
    for name, array in made.arrays.items():
        assert bool(array.isfinite().all()), f"{name}: values that are not finite"
        assert not bool(array[~made.presence[name]].any()), f"{name}: absent pixels with a value"


def _equal(a: Pixels, b: Pixels) -> bool:
    same = all(torch.equal(a.arrays[n], b.arrays[n]) and torch.equal(a.presence[n], b.presence[n]) for n in a.arrays)
    return same and list(a.arrays) == list(b.arrays) and torch.equal(a.timestamps, b.timestamps)
