"""The names under which people know official models."""

import re
from pathlib import Path

import pytest

from olmoearth_core import load_model
from olmoearth_core.errors import CheckpointError
from olmoearth_plugins.checkpoint_formats.official import official as factory

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_the_twelve_released_models_are_known():
    names = factory().names
    assert len(names) == len(set(names)) == 12
    assert all(re.fullmatch(r"OlmoEarth-v1(_[123])?-(Nano|Tiny|Small|Base|Large)", name) for name in names)
    assert {"OlmoEarth-v1-Large", "OlmoEarth-v1_2-Small", "OlmoEarth-v1_3-Base"} <= set(names)
    assert "OlmoEarth-v1_2-Large" not in names


@pytest.mark.parametrize(
    "typed",
    ["OlmoEarth-v1_2-Nano", "allenai/OlmoEarth-v1_2-Nano", "olmoearth-V1_2-nano", "hf://allenai/OlmoEarth-v1_2-Nano"],
)
def test_a_name_is_understood_in_any_case_with_or_without_its_owner(typed):
    remote = factory().resolve(typed)
    assert remote.repo == "allenai/OlmoEarth-v1_2-Nano"
    assert "config.json" in remote.papers
    assert "weights.pth" in remote.weights


@pytest.mark.parametrize("typed", ["OlmoEarth-v1_2-Large", "someone/OlmoEarth-v1_2-Nano", "nano", ""])
def test_other_names_are_left_to_others(typed):
    assert factory().resolve(typed) is None


def test_a_released_name_opens_from_the_cache_and_its_package_says_where_it_came_from(official, tmp_path, monkeypatch):
    from huggingface_hub import constants

    made = official(train_module=None)
    home = tmp_path / "hub" / "models--allenai--OlmoEarth-v1_2-Nano"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(COMMIT)
    (home / "snapshots").mkdir()
    Path(made.folder).rename(home / "snapshots" / COMMIT)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    card = load_model("olmoearth-v1_2-NANO").card
    assert (card.title, card.source) == ("OlmoEarth-v1_2-Nano", f"allenai/OlmoEarth-v1_2-Nano@{COMMIT}")
    assert card.input_modalities == ("sentinel2_l2a", "sentinel1", "landsat")
    assert "https://huggingface.co/allenai/OlmoEarth-v1_2-Nano" in card.licence
    with pytest.raises(CheckpointError, match=r"allenai/OlmoEarth-v1_3-Base: sought config.json, LICENSE\*, weights"):
        load_model("OlmoEarth-v1_3-Base")


def test_a_near_miss_is_answered_with_the_name_meant():
    with pytest.raises(CheckpointError, match='Did you mean "OlmoEarth-v1_2-Nano"'):
        load_model("OlmoEarth-v1_2-Nanno")
