"""Samples to features through the real batch, with an encoder small enough to compute by hand."""

import numpy as np
import torch
from torch import nn

from olmoearth_core.data.sample import Sample
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.features.embed import Reading, encode_with
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec
from olmoearth_core.interfaces.model import Encoded

OPTICAL = ModalitySpec("optical", (BandSet(("red", "nir"), 16),), 16, multitemporal=True)
RADAR = ModalitySpec("radar", (BandSet(("vv",), 16),), 16, multitemporal=True)


class PatchMean(nn.Module):
    """A token is the mean of its pixels and bands."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.batch_sizes = []

    def forward(self, batch, patch_size=4, token_exits=None):
        self.batch_sizes.append(batch.size)
        assert not self.training
        tokens = {}
        for name, array in batch.arrays.items():
            tiles = array.unfold(1, patch_size, patch_size).unfold(2, patch_size, patch_size)
            tokens[name] = tiles.mean((-1, -2)).mean(-1)[..., None, None] * self.scale
        return Encoded(tokens, batch.masks)


def sample(optical, radar=None, steps=2, present=True):
    arrays = {"optical": np.full((8, 8, steps, 2), optical, np.float32)}
    presence = {"optical": np.broadcast_to(np.asarray(present), (steps,)).reshape(1, 1, steps, 1)}
    if radar is not None:
        arrays["radar"] = np.full((8, 8, steps, 1), radar, np.float32)
        presence["radar"] = np.ones((1, 1, steps, 1), bool)
    return Sample(arrays, presence, np.zeros((steps, 3), np.int32), np.zeros(2, np.float32))


def encode(samples, batch_size=2):
    model = PatchMean()
    reading = Reading([OPTICAL, RADAR], Tokenization(), patch_size=4, batch_size=batch_size)
    features = encode_with(model, reading)(samples)
    return features, model


def test_features_come_back_in_the_order_of_the_samples():
    features, model = encode([sample(1), sample(2, radar=4), sample(3), sample(5)])
    assert features.shape == (4, 2, 2, 1)
    assert features[:, 0, 0, 0].tolist() == [1, 3, 3, 5]
    assert sorted(model.batch_sizes) == [1, 1, 2]


def test_absent_steps_do_not_move_a_feature():
    gap = sample(2, present=[True, False])
    gap.arrays["optical"][:, :, 1] = 0
    features, _ = encode([gap, sample(2)])
    assert torch.equal(features[0], features[1])


def test_the_size_of_batches_never_changes_a_number():
    samples = [sample(i, radar=i % 3 if i % 2 else None) for i in range(7)]
    assert torch.equal(encode(samples, batch_size=1)[0], encode(samples, batch_size=7)[0])


def test_features_carry_no_gradient_and_the_model_goes_back_to_training():
    features, model = encode([sample(1)])
    assert not features.requires_grad
    assert model.training
