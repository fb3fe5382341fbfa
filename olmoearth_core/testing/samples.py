"""Tiny inputs for checks: four made-up modalities, one of each kind, and their presence.

They belong to no package, so a component that only works with modalities it knows by name fails here.
"""

# B samples, H W patches, T steps, S band groups, D width
from __future__ import annotations

import torch
from torch import Tensor

from olmoearth_core.data.random import Draws, key_of
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec

SAMPLES, SIDE, STEPS = 4, 3, 5


def specs() -> tuple[ModalitySpec, ...]:
    """Return a modality that varies in space and time, one in space, one in time and one in neither."""
    return (
        ModalitySpec("check_images", (BandSet(("a", "b"), 16), BandSet(("c",), 32)), 16, multitemporal=True),
        ModalitySpec("check_map", (BandSet(("class",), 16),), 16, multitemporal=False),
        ModalitySpec("check_series", (BandSet(("rain", "heat"), 4096),), 16, multitemporal=True, size_factor=-256),
        ModalitySpec("check_facts", (BandSet(("slope", "age"), 16),), 0, multitemporal=False),
    )


def presence(seed: int = 0, *, samples: int = SAMPLES) -> dict[str, Tensor]:
    """Return token presence by modality: gaps in space and time, and whole modalities missing from some samples."""
    present = {}
    for spec in specs():
        shape = (samples, *mask_shape(spec))
        present[spec.name] = uniform(shape, "presence", spec.name, seed) < 0.8
    present["check_map"][0] = False
    present["check_images"][1, :, :, 2:] = False
    return present


def mask_shape(spec: ModalitySpec) -> tuple[int, ...]:
    """Return the axes of a token mask without the batch axis."""
    groups = len(spec.band_sets)
    steps = STEPS if spec.multitemporal else 1
    return {"time": (steps, groups), "static": (groups,)}.get(spec.kind, (SIDE, SIDE, steps, groups))


def draws(seed: int = 0, *, samples: int = SAMPLES) -> Draws:
    """Return streams of random numbers, one per sample."""
    return Draws(key_of(seed, sample) for sample in range(samples))


def uniform(shape: tuple[int, ...], *key: int | str) -> Tensor:
    """Return float32 numbers in [0, 1) that depend on nothing but shape and key."""
    count = torch.Size(shape).numel()
    return Draws([key_of(*key)])("numbers", count).float().reshape(shape)


def normal(shape: tuple[int, ...], *key: int | str) -> Tensor:
    """Return float32 numbers that are roughly normal (sum of four uniforms, scaled)."""
    return (torch.stack([uniform(shape, *key, i) for i in range(4)]).sum(0) - 2) * 3**0.5
