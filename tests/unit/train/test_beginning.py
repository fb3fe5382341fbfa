"""A run that begins with the weights of another model (spec: [trainer] load_path)."""

import logging
from dataclasses import replace

import pytest
import torch

from olmoearth_core import modalities, save_model
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import CheckpointError
from olmoearth_core.models.building import recipe_of
from olmoearth_core.models.card import ModelCard
from olmoearth_core.train import beginning

NAMES = ("sentinel1", "worldcover")
BLOCK = {
    "@models": "olmoearth.latent_mim.v1",
    "encoder_config": {"@encoders": "olmoearth.flexi_vit.v1", "embedding_size": 16, "num_heads": 2, "depth": 1},
    "decoder_config": {"@decoders": "olmoearth.predictor.v1", "depth": 1},
}


def fresh(seed, tmp_path, block=BLOCK):
    recipe, filled = recipe_of(block, tmp_path / "config.cfg")
    torch.manual_seed(seed)
    return recipe.build(modalities(NAMES)), recipe, filled


@pytest.fixture
def package(tmp_path):
    """Return a package under a licence, and the model in it."""
    model, recipe, filled = fresh(0, tmp_path)
    model.card = ModelCard(
        title="Elder", format="", specs=modalities(NAMES), tokenization=recipe.tokenization, model=filled,
        band_gap="zero_band", licence="Elder Licence\nKeep this note.", source="elders/elder@1",
    )  # fmt: skip
    return save_model(model, tmp_path / "elder"), model


def test_the_weights_are_those_of_the_other_model_and_train_as_before(package, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    (folder, elder), (model, recipe, _) = package, fresh(1, tmp_path)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    note = beginning.take_weights(str(folder), model, modalities(NAMES), recipe.tokenization)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), elder.parameters(), strict=True))
    assert {name for name, p in model.named_parameters() if p.requires_grad} == trained
    expected = "Elder Licence\nKeep this note.\n\nTraining began with the weights of Elder (elders/elder@1).\n"
    assert note == expected
    assert "begins with the weights of Elder (elders/elder@1) at step 0, with a fresh optimizer" in caplog.text


def test_weights_of_another_architecture_are_refused(package, tmp_path):
    wide = {**BLOCK, "encoder_config": {**BLOCK["encoder_config"], "embedding_size": 32}}
    model, recipe, _ = fresh(1, tmp_path, wide)
    with pytest.raises(CheckpointError, match="another architecture than the configured model"):
        beginning.take_weights(str(package[0]), model, modalities(NAMES), recipe.tokenization)


def test_weights_that_read_the_bands_otherwise_are_refused_though_their_shapes_agree(package, tmp_path):
    model, *_ = fresh(1, tmp_path)
    swapped = Tokenization({"sentinel1": [["vh", "vv"]]})
    with pytest.raises(CheckpointError, match=r"sentinel1 in the band sets vv vh, but the configured model in vh vv"):
        beginning.take_weights(str(package[0]), model, modalities(NAMES), swapped)


def test_values_on_another_scale_are_warned_of(package, tmp_path, caplog):
    model, recipe, _ = fresh(1, tmp_path)
    specs = [replace(spec, normalization="standard") for spec in modalities(NAMES)]
    beginning.take_weights(str(package[0]), model, specs[:1], recipe.tokenization)
    assert "learned from sentinel1 normalised as computed, but this run normalises it as standard" in caplog.text
