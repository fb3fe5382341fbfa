"""Batches and seeded draws for the tests of the legacy masks."""

import numpy as np
import pytest
import torch
from olmoearth_masking.legacy import legacy_masking

from olmoearth_core.lookup import modalities

GRIDS = {"space_time": "BHHT", "space": "BHH1", "time": "BT", "static": "B"}


@pytest.fixture
def batch():
    """All tokens of a batch: batch(names, B=, H=, T=) -> bool by modality."""

    def make(names, **sizes):
        sizes = {"B": 2, "H": 2, "T": 4, "1": 1} | sizes
        shapes = {s.name: (*(sizes[axis] for axis in GRIDS[s.kind]), len(s.band_sets)) for s in modalities(names)}
        return {name: torch.ones(shape, dtype=torch.bool) for name, shape in shapes.items()}

    return make


@pytest.fixture
def drawn():
    """The masks of a strategy from two generators of one seed: drawn(key, present, seed=, step=, **options)."""

    def draw(key, present, seed=0, step=1, **options):
        sources = torch.Generator().manual_seed(seed), np.random.RandomState(seed)
        return legacy_masking(key, **options).mask_with(present, modalities(list(present)), *sources, step=step)

    return draw
