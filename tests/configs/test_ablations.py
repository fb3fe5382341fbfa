"""Every published ablation is a layer of a few lines that fits on every recipe, and changes what it is named after."""

from pathlib import Path

import pytest
import torch

from olmoearth_core.config.build import build
from olmoearth_core.config.load import load

ROOT = Path(__file__).parents[2]
ABLATIONS = sorted(file.stem for file in (ROOT / "configs" / "ablations").glob("*.cfg"))
RECIPES = sorted(
    f"{file.parent.name}/{file.stem}" for file in (ROOT / "configs").glob("v*/*.cfg") if file.stem != file.parent.name
)
OBSERVED = ["sentinel2_l2a", "sentinel1", "landsat"]
MAPS = ["worldcover", "srtm", "openstreetmap_raster", "wri_canopy_height_map", "cdl", "worldcereal"]
MASKINGS, LOSS = "train_module.masking.@maskings", "train_module.loss.@losses"
MODALITIES, ONLY = "dataset.training_modalities", "train_module.masking.only_decode_modalities"
SAYS = {
    "no_contrastive": {"train_module.contrastive": None},
    "random_masking": {MASKINGS: "masking.random.v1"},
    "random_fixed_modality": {
        MASKINGS: "masking.random_fixed_modality.v1", "train_module.masking.decoded_modalities": MAPS,
    },
    "mae": {
        "model.@models": "olmoearth.mae.v1", "model.decoder_config": None, "model.encoder_config.embedding_size": 768,
        "train_module.@train_modules": "olmoearth.mae.v1", "train_module.reconstruction.loss_function": "SmoothL1Loss",
        "train_module.reconstruction.beta": 0.1, "train_module.optim_config.lr": 1e-4,
        "train_module.scheduler.warmup_steps": 8000,
    },
    "random_target": {"train_module.reinit_targets": True},
    "original_patch_discrimination": {LOSS: "olmoearth.patch_discrimination.v1"},
    "ema": {"train_module.ema_decay": [0.996, 1.0], "model.target.@targets": "olmoearth.frozen_encoder.v1"},
    "exit_depth_12": {
        "train_module.ema_decay": [0.996, 1.0],
        "train_module.token_exit_cfg": dict.fromkeys([*OBSERVED, *MAPS], 12),
    },
    "no_agricultural_maps": {MODALITIES: [*OBSERVED, *MAPS[:4]], ONLY: MAPS[:4]},
    "no_maps": {MODALITIES: [*OBSERVED, "srtm"], ONLY: ["srtm"]},
    "no_decode_only": {MODALITIES: OBSERVED, ONLY: []},
    "no_landsat": {MODALITIES: OBSERVED[:2], ONLY: []},
    "s2_only": {MODALITIES: OBSERVED[:1], ONLY: []},
    "no_patch_mlp": {"model.encoder_config.patch_embedding.@patch_embeddings": "olmoearth.linear_patches.v1"},
    "no_band_dropout": {"model.encoder_config.band_dropout_rate": 0.0},
    "v1_loss": {LOSS: "olmoearth.modality_patch_discrimination.v1"},
    "v1_masking": {MASKINGS: "masking.modality_cross_random.v1", "train_module.masking.legacy": True, ONLY: MAPS},
}  # fmt: skip
"""Ablation -> what it makes of v1_1/base."""
SAME_NETWORK = ("masking", "loss", "contrastive", "target", "discrimination", "fixed", "ema", "exit", "dropout")


def resolved(recipe, *ablations):
    names = [recipe, *(f"ablations/{name}" for name in ablations)]
    return load([str(ROOT / "configs" / f"{name}.cfg") for name in names])


def trained(config):
    parts = build(config)
    with torch.device("meta"):
        model = parts.model.build(parts.dataset.specs)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def test_the_published_ablations_are_all_here():
    assert set(SAYS) == set(ABLATIONS)


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_an_ablation_is_a_layer_of_a_few_lines_that_says_what_it_is(ablation):
    lines = (ROOT / "configs" / "ablations" / f"{ablation}.cfg").read_text("utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert len(lines) <= 30
    assert "[config]" not in lines


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("ablation", ABLATIONS)
def test_every_ablation_fits_on_every_recipe(recipe, ablation):
    config = resolved(recipe, ablation)
    parts = build(config)
    assert [spec.name for spec in parts.dataset.specs] == config.at(MODALITIES)
    assert f"olmoearth.{parts.train_module.name}.v1" == config.at("train_module.@train_modules")


@pytest.mark.parametrize("ablation", SAYS)
def test_an_ablation_changes_what_it_is_named_after(ablation):
    config = resolved("v1_1/base", ablation)
    assert {key: config.at(key) for key in SAYS[ablation]} == SAYS[ablation]
    assert config.tree != resolved("v1_1/base").tree


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_only_ablations_of_the_network_or_the_data_change_what_is_trained(ablation):
    same = any(word in ablation for word in SAME_NETWORK)
    assert (trained(resolved("v1_1/base", ablation)) == 143_509_888) == same


@pytest.mark.parametrize("recipe", ["v1/base", "v1/nano"])
def test_the_ablations_of_the_newer_versions_change_no_number_of_v1(recipe):
    plain = resolved(recipe)
    for ablation in ("v1_loss", "v1_masking", "no_band_dropout"):
        assert resolved(recipe, ablation).tree == plain.tree


def test_two_ablations_go_together():
    config = resolved("v1/base", "no_contrastive", "s2_only")
    assert config.at("train_module.contrastive") is None
    assert config.at(MODALITIES) == ["sentinel2_l2a"]
    build(config)
