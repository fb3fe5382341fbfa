"""Names on the hub, through the hub's own client, from a cache in the test's folder; there is never a network."""

import json
from types import SimpleNamespace

import pytest

from olmoearth_core import load_model, save_model
from olmoearth_core.errors import CheckpointError
from olmoearth_core.interfaces.checkpoint import Remote
from olmoearth_core.models import hub

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Point the hub's client at an empty cache without a network; return a function that puts a model there."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    def put(repo, files):
        home = tmp_path / "hub" / f"models--{repo.replace('/', '--')}"
        (home / "refs").mkdir(parents=True)
        (home / "refs" / "main").write_text(COMMIT)
        snapshot = home / "snapshots" / COMMIT
        snapshot.mkdir(parents=True)
        for file in files:
            (snapshot / file.name).write_bytes(file.read_bytes())

    return put


def test_a_package_opens_from_the_cache_by_its_address(cache, small, tmp_path):
    cache("me/mine", save_model(small, tmp_path / "package").iterdir())
    assert load_model("hf://me/mine").card.title == "small"


def test_without_weights_only_the_small_files_need_to_be_there(cache, small, tmp_path):
    package = save_model(small, tmp_path / "package")
    cache("me/mine", [file for file in package.iterdir() if file.name != "model.safetensors"])
    assert load_model("hf://me/mine", load_weights=False).card.title == "small"
    with pytest.raises(CheckpointError, match=r"(?s)me/mine: sought .*model.safetensors.* without weights"):
        load_model("hf://me/mine")


def test_offline_the_error_says_what_was_sought_and_how_to_get_it_elsewhere(cache):
    with pytest.raises(CheckpointError) as error:
        load_model("hf://me/mine@v2")
    told = str(error.value)
    assert "me/mine: sought config.cfg, modalities.json, package.json, LICENSE.txt, model.safetensors" in told
    assert 'hf download me/mine --include "config.cfg"' in told
    assert "then copy the folder here and pass its path. HF_HUB_OFFLINE is set in the environment" in told


def test_only_the_files_of_the_format_are_asked_for(monkeypatch, tmp_path):
    asked = []
    (tmp_path / "model.bin").touch()

    def snapshot_download(repo, *, revision, allow_patterns):
        asked.append(SimpleNamespace(repo=repo, revision=revision, patterns=allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    remote = Remote("me/mine", ("*.json",), ("*.bin",), "v2")
    assert hub.fetch(remote, load_weights=True) == hub.fetch(remote, load_weights=False) == tmp_path
    assert [one.patterns for one in asked] == [["*.json", "*.bin"], ["*.json"]]
    assert json.dumps([asked[0].repo, asked[0].revision]) == '["me/mine", "v2"]'
