from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from olmoearth_core.data.sample import Sample
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.evaluate.baselines import pixels, untrained
from olmoearth_core.features.embed import Reading
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec

OPTICAL = ModalitySpec("optical", (BandSet(("red", "nir"), 16),), 16, multitemporal=True)
HEIGHT = ModalitySpec("height", (BandSet(("height",), 16),), 16, multitemporal=False)
READING = Reading([OPTICAL, HEIGHT], Tokenization(), patch_size=4)


def sample(value, months=(0, 5), present=True, **others):
    arrays = {"optical": np.broadcast_to(value, (8, 8, len(months), 2)).astype(np.float32), **others}
    presence = {name: np.ones((1, 1, a.shape[2], 1), bool) for name, a in arrays.items()}
    presence["optical"] = np.broadcast_to(np.asarray(present, bool), (len(months),)).reshape(1, 1, -1, 1)
    stamps = np.array([[1, month, 2020] for month in months], np.int32)
    return Sample(arrays, presence, stamps, np.zeros(2, np.float32))


def test_a_patch_is_described_by_mean_spread_and_months():
    value = np.zeros((8, 8, 2, 2))
    value[:4, :4, 1] = 1
    features = pixels(READING)([sample(value)])
    assert features.shape == (1, 2, 2, 14 * 3)
    red = features[0, 0, 0]
    assert red[:2].tolist() == [0.5, 0.5]  # mean of red and nir
    assert red[2:4].tolist() == [0.5, 0.5]  # spread
    months = red[4 : 4 + 24].reshape(12, 2)[:, 0].tolist()
    assert months == [0.0, *[0.5] * 4, 1.0, *[0.5] * 6]
    assert features[0, 1, 1].abs().sum() == 0


def test_absent_steps_do_not_count():
    value = np.stack([np.full((8, 8, 2), 0.3), np.full((8, 8, 2), 99.0)], axis=2)
    features = pixels(READING)([sample(value, present=[True, False])])
    assert features[0, 0, 0, :4].tolist() == pytest.approx([0.3, 0.3, 0, 0], abs=1e-6)


def test_samples_of_different_lengths_and_modalities_have_features_of_one_width():
    long = sample(0.1, months=(0, 1, 2))
    with_height = sample(0.2, height=np.ones((8, 8, 1, 1), np.float32))
    features = pixels(READING)([long, with_height, long])
    assert features.shape == (3, 2, 2, 42)
    assert torch.equal(features[0], features[2])
    assert features[1, 0, 0, 28].item() == 1  # mean height


def test_without_a_grid_the_whole_sample_is_described():
    features = pixels(Reading([OPTICAL], Tokenization(), 4, grid=False))([sample(0.5)])
    assert features.shape == (1, 28)


@dataclass
class Recipe:
    def build(self, specs):
        return nn.Linear(3, 3)


def test_an_untrained_model_follows_its_seed_and_leaves_the_callers_randomness_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first, second = (untrained(Recipe(), (), seed=1) for _ in range(2))
    assert torch.equal(first.weight, second.weight)
    assert not torch.equal(first.weight, untrained(Recipe(), (), seed=2).weight)
    assert torch.equal(torch.rand(3), expected)
