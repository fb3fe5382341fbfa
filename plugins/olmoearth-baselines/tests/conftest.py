"""Batches whose bands can be told apart."""

import pytest
import torch

from olmoearth_core import modalities
from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import ENCODE

STEPS = 3


@pytest.fixture
def batch():
    """Return a maker of batches: random values per pixel, or `value(spec, band)` everywhere."""

    def make(names, value=None, *, size=2, side=8, steps=STEPS, seed=0):
        generator = torch.Generator().manual_seed(seed)
        arrays, masks = {}, {}
        for spec in modalities(names):
            shape = (size, side, side, steps, spec.num_bands)
            if value is None:
                arrays[spec.name] = torch.rand(shape, generator=generator) * 20
            else:
                flat = torch.tensor([float(value(spec, band)) for band in spec.band_order])
                arrays[spec.name] = flat.expand(shape).clone()
            masks[spec.name] = torch.full((*shape[:-1], len(spec.band_sets)), ENCODE, dtype=torch.int8)
        dates = torch.tensor([[15, step, 2020] for step in range(steps)]).expand(size, -1, -1)
        return Batch(arrays, masks, dates)

    return make
