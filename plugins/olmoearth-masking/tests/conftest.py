"""Made-up modalities and presence for the tests of strategies."""

from __future__ import annotations

import pytest
import torch

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec


def _spec(name, sets, dates, grid, **more):
    bands = tuple(BandSet((f"{name}{i}",), 16) for i in range(sets))
    return ModalitySpec(name, bands, grid_factor=grid, multitemporal=dates, **more)


class Scene:
    """Sensors with 3, 1 and 2 band groups, a map, a weather series and a fact."""

    specs = (
        _spec("optical", 3, True, 16), _spec("radar", 1, True, 16), _spec("thermal", 2, True, 16),
        _spec("cover", 1, False, 16), _spec("weather", 1, True, 16, size_factor=-256), _spec("place", 1, False, 0),
    )  # fmt: skip
    names = tuple(spec.name for spec in specs)

    def whole(self, samples=2, side=2, steps=4):
        """Everything is there."""
        shapes = {"space_time": (side, side, steps), "space": (side, side, 1), "time": (steps,), "static": ()}
        return {s.name: torch.ones(samples, *shapes[s.kind], len(s.band_sets), dtype=torch.bool) for s in self.specs}

    def gaps(self, seed, samples=3, side=2, steps=4, share=0.7):
        """Some tokens, some whole dates and some whole modalities are missing."""
        random = torch.Generator().manual_seed(seed)
        present = self.whole(samples, side, steps)
        for spec in self.specs:
            there = present[spec.name]
            there &= torch.rand(there.shape, generator=random) < share
            there &= torch.rand(samples, *[1] * (there.dim() - 1), generator=random) < share
            if spec.multitemporal:
                dates = torch.rand(samples, steps, generator=random) < share
                there &= dates.reshape(samples, *[1] * (there.dim() - 3), steps, 1)
        return present


@pytest.fixture
def scene():
    """The scene of all tests."""
    return Scene()


@pytest.fixture(scope="module")
def scene_of():
    """The same scene, for tests that hypothesis runs many times."""
    return Scene()
