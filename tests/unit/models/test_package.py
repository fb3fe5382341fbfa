"""What `save_model` writes is what `load_model` reads, and nothing else."""

import json
import os

import pytest
import torch

from olmoearth_core import embed, load_model, save_model
from olmoearth_core.errors import CheckpointError
from olmoearth_core.models import package as module

FILES = ["LICENSE.txt", "config.cfg", "modalities.json", "model.safetensors", "package.json"]


@pytest.fixture
def saved(small, tmp_path):
    return save_model(small, tmp_path / "package")


def edit(file, change):
    facts = json.loads(file.read_text())
    change(facts)
    file.write_text(json.dumps(facts))


def test_a_package_opens_as_the_model_that_was_saved(small, saved, batch):
    again = load_model(saved)
    assert sorted(p.name for p in saved.iterdir()) == FILES
    assert not again.training
    ours, theirs = small.state_dict(), again.state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert torch.equal(embed(small, batch, spatial=True), embed(again, batch, spatial=True))
    assert [p.requires_grad for p in small.parameters()] == [p.requires_grad for p in again.parameters()]


def test_the_card_travels_with_the_weights(make, tmp_path):
    facts = {"title": "mine", "band_gap": "drop_token", "fill": "nearest_band", "input_modalities": ("sentinel1",)}
    facts |= {"licence": "Take care.\nPlease.", "source": "a test", "step": 7}
    model = make(**facts)
    card = load_model(save_model(model, tmp_path / "package")).card
    assert {name: getattr(card, name) for name in facts} == facts
    assert (card.format, card.path) == ("olmoearth.package.v1", tmp_path / "package")
    assert (card.specs, dict(card.model)) == (model.card.specs, dict(model.card.model))
    assert (tmp_path / "package" / "LICENSE.txt").read_text() == "Take care.\nPlease."


def test_what_is_saved_are_the_weights_of_now(small, tmp_path):
    with torch.no_grad():
        small.encoder.norm.weight.fill_(3.0)
    assert load_model(save_model(small, tmp_path / "package")).encoder.norm.weight.unique().tolist() == [3.0]


def test_the_facts_name_versions_components_and_the_hash_of_the_weights(saved):
    facts = json.loads((saved / "package.json").read_text())
    assert facts["packages"].keys() >= {"olmoearth", "torch", "olmoearth-sentinel1"}
    assert {c["name"] for c in facts["components"]} >= {"olmoearth.latent_mim.v1", "worldcover"}
    assert facts["weights"]["sha256"] == module.sha256(saved / "model.safetensors")
    assert facts["licence"] == "Take care of it."


def test_the_config_of_a_package_is_a_layer_that_others_can_build_on(saved):
    from olmoearth_core.config.load import load

    tree = load(["configs/base.cfg", saved / "config.cfg"]).tree
    assert tree["dataset"]["training_modalities"] == ["sentinel2_l2a", "sentinel1", "worldcover"]
    assert tree["model"]["encoder_config"]["embedding_size"] == 16


def test_an_existing_folder_is_never_written_over(small, tmp_path):
    (tmp_path / "package").mkdir()
    with pytest.raises(CheckpointError, match="found that it exists, expected a new folder"):
        save_model(small, tmp_path / "package")
    assert list((tmp_path / "package").iterdir()) == []


def test_a_write_that_fails_leaves_nothing_behind(small, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(CheckpointError, match=r"cannot be written \(No space left on device\); nothing was left"):
        save_model(small, tmp_path / "deep" / "package")
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_model_without_a_card_is_refused(small, tmp_path):
    with pytest.raises(CheckpointError, match="Encoder: found no card, expected a model that load_model returned"):
        save_model(small.encoder, tmp_path / "package")


def test_tensors_that_share_memory_are_saved_apart(small, tmp_path):
    small.target_encoder.norm.weight.data = small.encoder.norm.weight.data
    again = load_model(save_model(small, tmp_path / "package"))
    assert torch.equal(again.target_encoder.norm.weight, small.encoder.norm.weight)
    assert again.target_encoder.norm.weight.data_ptr() != again.encoder.norm.weight.data_ptr()


def test_without_weights_a_package_gives_the_architecture_with_fresh_ones(small, saved):
    (saved / "model.safetensors").unlink()
    fresh = load_model(saved, load_weights=False)
    assert {k: v.shape for k, v in fresh.state_dict().items()} == {k: v.shape for k, v in small.state_dict().items()}
    query = "encoder.blocks.0.attn.q.weight"
    assert not torch.equal(fresh.state_dict()[query], small.state_dict()[query])
    with pytest.raises(CheckpointError, match=r"model.safetensors: found no such file, expected the weights"):
        load_model(saved)


def truncate(folder):
    os.truncate(folder / "model.safetensors", 1000)


def truncate_and_sign(folder):
    truncate(folder)
    edit(folder / "package.json", lambda f: f["weights"].update(sha256=module.sha256(folder / "model.safetensors")))


def flip(folder):
    with (folder / "model.safetensors").open("r+b") as stream:
        stream.seek(-3, os.SEEK_END)
        stream.write(b"\x01")


def widen(folder):
    text = (folder / "config.cfg").read_text()
    (folder / "config.cfg").write_text(text.replace("embedding_size = 16", "embedding_size = 32"))


def misname(folder):
    text = (folder / "config.cfg").read_text()
    (folder / "config.cfg").write_text(text.replace("olmoearth.flexi_vit.v1", "acme.flexi_vit.v1"))


DAMAGES = {
    "truncated": (truncate, r"model.safetensors: found the hash \w{12}\.\.\., expected \w{12}\.\.\. of package.json"),
    "truncated and signed": (
        truncate_and_sign,
        r"found 1,000 bytes that cannot be read .*expected a complete safetens",
    ),
    "one bit": (flip, r"found the hash .* was changed after the package was made"),
    "shapes": (widen, r"(?s)another architecture.* in the checkpoint, .* in the model"),
    "component": (misname, r'(?s)config.cfg: .*cannot be built here.*no encoders named "acme.flexi_vit.v1"'),
    "no config": (lambda f: (f / "config.cfg").unlink(), r"config.cfg: cannot be read"),
    "no modalities": (lambda f: (f / "modalities.json").unlink(), r"modalities.json: cannot be read"),
    "no model": (lambda f: (f / "config.cfg").write_text("[run]\nseed = 1\n"), r"config.cfg: found no section .model."),
    "strange modalities": (
        lambda f: (f / "modalities.json").write_text("[1]"),
        r"modalities.json: found no list of modalities",
    ),
    "no facts": (lambda f: (f / "package.json").write_text("{"), r"package.json: found no JSON .* fetch it again"),
    "empty facts": (lambda f: (f / "package.json").write_text("{}"), r"package.json: found no hash of weights"),
    "version": (lambda f: edit(f / "package.json", lambda j: j.update(version=2)), r"found version 2 .* expected 1"),
    "modality": (
        lambda f: edit(f / "modalities.json", lambda j: j[1].update(name="sentinel9")),
        r'modalities.json: the model was made for the modality sentinel9, but no modalities named "sentinel9"',
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told_with_the_file_what_was_found_and_what_was_expected(saved, damage):
    do, message = DAMAGES[damage]
    do(saved)
    with pytest.raises(CheckpointError, match=message):
        load_model(saved)
