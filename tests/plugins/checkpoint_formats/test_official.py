"""Official checkpoints open as they are, become packages, and say what they are."""

import json
from pathlib import Path

import pytest
import torch

from olmoearth_core import load_model, modalities, save_model
from olmoearth_core.config.build import build_at
from olmoearth_core.config.load import load
from olmoearth_core.errors import CheckpointError
from olmoearth_core.train.beginning import take_weights

CONFIGS = Path(__file__).parents[3] / "configs"
SENSORS = ("sentinel2_l2a", "sentinel1", "landsat")
TITLES = {
    "v1": "OlmoEarth v1 nano",
    "v1_1": "OlmoEarth v1.1 nano",
    "v1_2": "OlmoEarth v1.2 nano",
    "v1_3": "OlmoEarth v1.3 nano",
}
KEYS = {"v1": 287, "v1_1": 311, "v1_2": 323, "v1_3": 280}


def outputs(model, batch):
    groups = {spec.name: model.card.tokenization.groups(spec) for spec in model.card.specs}
    with torch.no_grad():
        out = model(batch(groups), patch_size=4)
        return [*out.latent.tokens.values(), *out.decoded.tokens.values(), out.pooled, *out.latent.extras.values()]


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_a_checkpoint_of_every_version_opens_becomes_a_package_and_gives_identical_outputs(
    official, version, batch, tmp_path
):
    made = official(version)
    opened = load_model(made.folder)
    again = load_model(save_model(opened, tmp_path / "package"))
    assert len(opened.state_dict()) == KEYS[version]
    assert same(made.model.state_dict(), opened.state_dict())
    assert same(opened.state_dict(), again.state_dict())
    made.model.card = opened.card
    made.model.encoder.input_modalities = SENSORS
    expected = outputs(made.model, batch)
    for model in (opened, again):
        assert all(torch.equal(a, b) for a, b in zip(expected, outputs(model, batch), strict=True))
        assert [p.requires_grad for p in model.parameters()] == [p.requires_grad for p in made.model.parameters()]


def test_the_card_says_what_it_is_and_the_package_keeps_the_licence(official, version, tmp_path):
    card = load_model(official(version).folder).card
    assert (card.title, card.format, card.step) == (TITLES[version], "olmoearth.official.v1", None)
    assert card.input_modalities == SENSORS
    assert card.fill == ("nearest_band" if version == "v1" else "zero")
    assert card.licence.startswith("OlmoEarth Artifact License\n")
    assert str(card.path) in card.licence
    package = save_model(load_model(card.path), tmp_path / "package")
    assert (package / "LICENSE.txt").read_text() == card.licence
    assert json.loads((package / "package.json").read_text())["licence"] == "OlmoEarth Artifact License"
    assert load_model(package).encoder.input_modalities == SENSORS


def test_the_licence_beside_the_weights_goes_with_them(official, tmp_path):
    made = official()
    (made.folder / "LICENSE").write_text("Thou shalt read this.")
    package = save_model(load_model(made.folder), tmp_path / "package")
    assert (package / "LICENSE.txt").read_text().endswith("Thou shalt read this.")


@pytest.mark.parametrize("name", ["v1", "v1_1", "v1_2"])
def test_a_translated_config_is_our_recipe_of_that_version(official, name):
    assert load_model(official(name).folder).card.model == load([f"configs/{name}/nano.cfg"]).tree["model"]


def test_safetensors_are_taken_instead_of_the_pickle(official):
    from safetensors.torch import save_file

    made = official()
    save_file({k: v.clone() for k, v in made.model.state_dict().items()}, made.folder / "model.safetensors")
    (made.folder / "weights.pth").write_bytes(b"not looked at")
    assert same(load_model(made.folder).state_dict(), made.model.state_dict())


def test_without_weights_the_architecture_opens_from_the_config_alone(official, version):
    made = official(version)
    (made.folder / "weights.pth").unlink()
    fresh = load_model(made.folder, load_weights=False)
    shapes = {k: v.shape for k, v in made.model.state_dict().items()}
    assert {k: v.shape for k, v in fresh.state_dict().items()} == shapes
    assert not any(v.is_meta for v in fresh.state_dict().values())
    with pytest.raises(CheckpointError, match=r"weights.pth: found no such file, expected the weights of the model"):
        load_model(made.folder)


def hidden(modalities):
    return {"masking_config": {"strategy_config": {"only_decode_modalities": modalities}}}


def test_inputs_are_what_training_showed_to_the_encoder_first_of_the_train_module_then_of_the_loader(official):
    both = official(name="a", train_module=hidden(["SRTM", "cdl"]), data_loader=hidden(["landsat"]))
    loader = official(name="b", train_module=None, data_loader=hidden(["landsat"]))
    assert load_model(both.folder).card.input_modalities == (
        "sentinel2_l2a", "sentinel1", "landsat", "worldcover", "openstreetmap_raster", "wri_canopy_height_map",
        "worldcereal",
    )  # fmt: skip
    assert "landsat" not in load_model(loader.folder).card.input_modalities


def test_a_config_that_does_not_say_its_inputs_is_taken_for_a_released_one_with_a_warning(official):
    made = official(train_module=None)
    with pytest.warns(UserWarning, match="does not say which modalities are inputs; taken for inputs: sentinel2_l2a,"):
        assert load_model(made.folder).card.input_modalities == SENSORS


def test_nothing_of_a_decode_only_modality_is_removed_from_the_weights(official):
    names = load_model(official().folder).state_dict()
    assert any(".worldcereal__0." in name for name in names)


def test_a_run_of_the_official_config_begins_with_official_weights(official):
    found = official("v1_2")
    config = load([str(CONFIGS / "v1_2" / "nano.cfg")], partial=True)
    recipe = build_at(config, "model")
    specs = modalities(found.config["encoder_config"]["supported_modality_names"])
    model = recipe.build(specs)
    note = take_weights(str(found.folder), model, specs, recipe.tokenization)
    stored = found.model.state_dict()
    assert all(torch.equal(tensor, stored[name]) for name, tensor in model.state_dict().items())
    assert note.startswith("OlmoEarth Artifact License\n")
