"""Acceptance check 21, and that nobody's features change by it."""

import numpy as np
import torch

from olmoearth_core.data.collate import batch_of
from olmoearth_core.data.sample import Sample
from olmoearth_core.data.tokens import ENCODE, MISSING, Tokenization
from olmoearth_core.features.embed import Reading, encode_with
from olmoearth_core.features.pad import pad_steps
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec
from olmoearth_core.kinds import registry

OPTICAL = ModalitySpec("optical", (BandSet(("red", "nir"), 16),), 16, multitemporal=True)
HEIGHT = ModalitySpec("height", (BandSet(("height",), 16),), 16, multitemporal=False)


def sample(steps, seed=0):
    rng = np.random.default_rng(seed)
    arrays = {
        "optical": rng.random((8, 8, steps, 2), np.float32),
        "height": rng.random((8, 8, 1, 1), np.float32),
    }
    presence = {name: np.ones((1, 1, 1, 1), bool) for name in arrays}
    stamps = np.stack([np.full(steps, 1), np.arange(steps), np.full(steps, 2020)], 1).astype(np.int32)
    return Sample(arrays, presence, stamps, np.zeros(2, np.float32))


def test_the_padded_step_is_zero_dated_zero_and_missing():
    short, long = pad_steps([sample(2), sample(3)], {"optical"})
    batch = batch_of([short, long], [OPTICAL, HEIGHT], Tokenization(), patch_size=4, band_gap="zero_band")
    assert batch.arrays["optical"].shape == (2, 8, 8, 3, 2)
    assert batch.arrays["height"].shape == (2, 8, 8, 1, 1)
    assert not batch.arrays["optical"][0, :, :, 2].any()
    assert batch.timestamps[0, 2].tolist() == [0, 0, 0]
    assert (batch.masks["optical"][0, :, :, 2] == MISSING).all()
    assert (batch.masks["optical"][0, :, :, :2] == ENCODE).all()
    assert (batch.masks["optical"][1] == ENCODE).all()


def test_a_longer_batch_mate_does_not_change_features():
    specs = [OPTICAL, HEIGHT]
    recipe = registry.encoders.get("olmoearth.flexi_vit.v1")(embedding_size=16, num_heads=2, depth=2, max_patch_size=4)
    torch.manual_seed(0)
    model = recipe.build(specs, Tokenization())
    encode = encode_with(model, Reading(specs, Tokenization(), patch_size=4))
    alone, together = encode([sample(2)]), encode([sample(3, seed=1), sample(2)])
    assert torch.allclose(alone[0], together[1], atol=1e-5)
    assert alone.shape == (1, 2, 2, alone.shape[-1])


def test_samples_of_one_length_are_left_alone():
    one = sample(2)
    assert pad_steps([one], {"optical"})[0] is one
    assert pad_steps([], {"optical"}) == []
