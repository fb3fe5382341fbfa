"""Every recipe, and every config that a page of the docs shows, checks; recipes are layers of a few lines."""

import re
from pathlib import Path

import pytest

from olmoearth_core.config.build import build
from olmoearth_core.config.load import load, load_text
from olmoearth_core.config.resolved import Config
from olmoearth_core.config.source import read

ROOT = Path(__file__).parents[2]
ABLATIONS = "configs/ablations/"
"""These only mean something on top of a recipe: test_ablations.py."""
RECIPES = sorted(
    name for name in (str(f.relative_to(ROOT)) for f in (ROOT / "configs").rglob("*.cfg")) if ABLATIONS not in name
)
SIZES = [r for r in RECIPES if r.startswith("configs/sizes/")]
ROPE = {
    "@position_encodings": "olmoearth.rope_3d_mixed.v1",
    "base": 10000.0,
    "coordinate_scale": 1.0,
    "temporal_coordinate_scale": 1 / 30,
    "legacy_bf16_coordinates": False,
}
TAKEN_OUT = {
    "v1": {
        "masking.random_time_with_decode.v1",
        "olmoearth.modality_patch_discrimination_masked_negatives.v1",
    },
    "v1_3": {"olmoearth.info_nce.v1"},
}
"""Folder of recipes -> components that a lower layer names and theirs do without."""
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "plugins").glob("*/README.md")])
BLOCKS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{i}")
    for page in PAGES
    for i, block in enumerate(re.findall(r"^```ini\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE), 1)
]


@pytest.mark.parametrize("recipe", [r for r in RECIPES if r not in SIZES])
def test_a_recipe_checks_builds_and_is_a_fixed_point(recipe, monkeypatch):
    monkeypatch.chdir(ROOT)
    config = load([recipe])
    build(config)
    text = config.to_text()
    assert Config.from_text(text).to_text() == text
    named = re.findall(r'^@\w+ = "(.+)"$', "\n".join(text for _, text in config.layers), re.MULTILINE)
    assert named
    assert {name for name in named if f'"{name}"' not in text} == TAKEN_OUT.get(Path(recipe).parent.name, set())


@pytest.mark.parametrize("size", SIZES)
def test_a_size_fits_on_the_base(size, monkeypatch):
    monkeypatch.chdir(ROOT)
    said = read(Path(size).read_text("utf-8"), size).tree["model"]["encoder_config"]
    trunk = build(load(["configs/base.cfg", size])).model.encoder_config.trunk
    assert {"embedding_size": trunk.width, "depth": trunk.depth, "num_heads": trunk.heads} == said


@pytest.mark.parametrize("block", BLOCKS)
def test_a_config_in_the_docs_checks_on_top_of_the_base(block, monkeypatch):
    monkeypatch.chdir(ROOT)
    layer = read(block, "block")
    assert not layer.faults
    if (
        layer.tree.pop("config", None) is None
        and {"dataset", "model"} <= set(layer.tree)
        and "@models" in layer.tree["model"]
    ):
        load_text(block, "block")
    else:
        load(["configs/base.cfg"], layers=[layer.tree])


@pytest.mark.parametrize("recipe", [r for r in RECIPES if r.startswith("configs/v1")])
def test_a_size_is_a_layer_of_a_few_lines_that_spells_no_derived_width(recipe):
    text = (ROOT / recipe).read_text("utf-8")
    assert text.startswith("# ")
    assert "extends" in text
    assert not re.search(r"(decoder|output|encoder)_embedding_size", text)
    assert len(text.splitlines()) <= 35


@pytest.mark.parametrize(
    ("size", "width", "depth", "heads", "hidden", "lr", "decay"),
    [
        ("nano", 128, 4, 8, [12], 2e-4, 0.02),
        ("tiny", 192, 12, 3, [64], 2e-4, 0.002),
        ("small", 384, 12, 6, [64], 2e-4, 0.02),
        ("base", 768, 12, 12, [64], 1e-4, 0.02),
        ("large", 1024, 24, 16, [64], 1e-4, 0.02),
    ],
)
def test_the_official_numbers_of_v1_2(size, width, depth, heads, hidden, lr, decay, monkeypatch):
    monkeypatch.chdir(ROOT)
    config = load([f"configs/v1_2/{size}.cfg"])
    encoder, decoder = config.at("model.encoder_config"), config.at("model.decoder_config")
    assert [encoder[key] for key in ("embedding_size", "depth", "num_heads")] == [width, depth, heads]
    assert encoder["patch_embedding"]["hidden_sizes"] == hidden
    assert (encoder["band_dropout_rate"], encoder["random_band_dropout"], encoder["drop_path"]) == (0.2, True, 0.1)
    assert (decoder["depth"], decoder["num_heads"], decoder["decoder_embedding_size"]) == (4, None, None)
    assert encoder["position_encoding"] == ROPE
    assert decoder["position_encoding"] is None
    optimizer = config.at("train_module.optim_config")
    assert (optimizer["lr"], optimizer["weight_decay"], optimizer["betas"], optimizer["eps"]) == (
        lr,
        decay,
        [0.9, 0.999],
        1e-8,
    )
    assert config.at("train_module.rank_microbatch_size") == 64
    assert config.at("train_module.contrastive.weight") == 0.05
    assert (config.at("data_loader.num_workers"), config.at("data_loader.prefetch_factor")) == (16, 4)


@pytest.mark.parametrize("size", ["nano", "tiny", "base"])
def test_v1_1_is_v1_2_with_absolute_positions(size, monkeypatch):
    monkeypatch.chdir(ROOT)
    old, new = (load([f"configs/{version}/{size}.cfg"]).tree for version in ("v1_1", "v1_2"))
    encoders = [tree["model"]["encoder_config"] for tree in (old, new)]
    assert {key for key in encoders[1] if encoders[0].get(key) != encoders[1][key]} == {"position_encoding"}
    assert encoders[0]["position_encoding"] is None
    assert old["model"]["decoder_config"] == new["model"]["decoder_config"]
    assert old["model"]["tokenization"] == new["model"]["tokenization"]
    assert {key: old[key] for key in old if key != "model"} == {key: new[key] for key in new if key != "model"}


def test_what_every_official_run_shares(monkeypatch):
    monkeypatch.chdir(ROOT)
    config = load(["configs/base.cfg"])
    maps = ["worldcover", "srtm", "openstreetmap_raster", "wri_canopy_height_map", "cdl", "worldcereal"]
    expected = {
        "run.seed": 12536,
        "data_loader.seed": 3622,
        "data_loader.global_batch_size": 512,
        "data_loader.token_budget": 2250,
        "data_loader.min_patch_size": 1,
        "data_loader.max_patch_size": 8,
        "data_loader.sampled_hw_p_list": list(range(1, 13)),
        "data_loader.band_gap": "drop_token",
        "trainer.save_interval": 5000,
        "trainer.metrics_collect_interval": 10,
        "trainer.max_duration.epochs": 300,
        "train_module.max_grad_norm": 1.0,
        "train_module.ema_decay": [1.0, 1.0],
        "train_module.scheduler.warmup_steps": 8000,
        "train_module.scheduler.alpha_f": 0.1,
        "train_module.loss.tau": 0.1,
        "train_module.loss.same_target_threshold": 0.999,
        "train_module.loss.mask_negatives_for_modalities": maps,
        "train_module.masking.only_decode_modalities": maps,
        "dataset.max_sequence_length": 12,
        "trainer.callbacks.wandb.enabled": False,
        "trainer.callbacks.downstream_evaluator.enabled": False,
        "dataset.training_modalities": ["sentinel2_l2a", "sentinel1", "landsat", *maps],
    }
    assert {key: config.at(key) for key in expected} == expected
