"""A model so small that everything about it can be tried out, and observations for it."""

import numpy as np
import pytest
import torch

from olmoearth_core import Batch, modalities
from olmoearth_core.models.building import build, recipe_of
from olmoearth_core.models.card import ModelCard
from olmoearth_core.testing.install import install

__all__ = ["install"]
NAMES = ("sentinel2_l2a", "sentinel1", "worldcover")
BLOCK = {
    "@models": "olmoearth.latent_mim.v1",
    "encoder_config": {"@encoders": "olmoearth.flexi_vit.v1", "embedding_size": 16, "num_heads": 2, "depth": 1},
    "decoder_config": {"@decoders": "olmoearth.predictor.v1", "depth": 1},
}


@pytest.fixture
def block():
    return {key: dict(part) if isinstance(part, dict) else part for key, part in BLOCK.items()}


@pytest.fixture
def make(tmp_path):
    """Return a model with a card, of a [model] block; arguments go to the card."""

    def model(block=BLOCK, names=NAMES, **card):
        recipe, filled = recipe_of(block, tmp_path / "config.cfg")
        specs = modalities(names)
        torch.manual_seed(0)
        made = build(recipe, specs, None, tmp_path).eval()
        facts = {"title": "small", "format": "none", "band_gap": "zero_band", **card}
        made.card = ModelCard(specs=specs, tokenization=recipe.tokenization, model=filled, **facts)
        return made

    return model


@pytest.fixture
def small(make):
    return make(licence="Take care of it.\nWith all your heart.", source="a test", step=7)


@pytest.fixture
def batch():
    """Return raw values of two sensors at three dates, without masks."""
    rng = np.random.default_rng(0)
    arrays = {
        "sentinel2_l2a": torch.from_numpy(rng.uniform(200, 4000, (2, 8, 8, 3, 12)).astype("f4")),
        "sentinel1": torch.from_numpy(rng.normal(-12, 4, (2, 8, 8, 3, 2)).astype("f4")),
    }
    dates = torch.tensor([[5, 2, 2021], [20, 5, 2021], [31, 11, 2021]], dtype=torch.int32)
    return Batch(arrays, {}, dates.expand(2, 3, 3))
