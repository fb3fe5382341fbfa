"""The recipes carry the official hyper-parameters; what is expected here is the table of the specification, row by row.

(spec/training.md 1.5 and 4.3; what has another name here, or no place, is in the table of docs/recipes.md.)
"""

from pathlib import Path

import pytest

from olmoearth_core.cli.main import main
from olmoearth_core.config.load import load
from olmoearth_core.config.resolved import Config

ROOT = Path(__file__).parents[2]
MAPS = ["worldcover", "srtm", "openstreetmap_raster", "wri_canopy_height_map", "cdl", "worldcereal"]
CROSS, TIMES = "masking.modality_cross_random.v1", "masking.random_time_with_decode.v1"
PATCH = "olmoearth.modality_patch_discrimination.v1"
MASKED = "olmoearth.modality_patch_discrimination_masked_negatives.v1"
SINGLE = {
    "sentinel2_l2a": [["B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12", "B01", "B09"]],
    "landsat": [["B8", "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B9", "B10", "B11"]],
}
COMMON = {
    "run.seed": 12536,
    "dataset.max_sequence_length": 12,
    "dataset.training_modalities": ["sentinel2_l2a", "sentinel1", "landsat", *MAPS],
    "data_loader.global_batch_size": 512,
    "data_loader.token_budget": 2250,
    "data_loader.sampled_hw_p_list": list(range(1, 13)),
    "data_loader.min_patch_size": 1,
    "data_loader.max_patch_size": 8,
    "data_loader.seed": 3622,
    "data_loader.transform": None,
    "data_loader.band_gap": "drop_token",
    "model.@models": "olmoearth.latent_mim.v1",
    "model.encoder_config.@encoders": "olmoearth.flexi_vit.v1",
    "model.encoder_config.mlp_ratio": 4.0,
    "model.encoder_config.drop_path": 0.1,
    "model.encoder_config.min_patch_size": 1,
    "model.encoder_config.max_patch_size": 8,
    "model.decoder_config.mlp_ratio": 4.0,
    "model.decoder_config.drop_path": 0.0,
    "train_module.@train_modules": "olmoearth.contrastive_latent_mim.v1",
    "train_module.optim_config.@optimizers": "olmoearth.adamw.v1",
    "train_module.optim_config.betas": [0.9, 0.999],
    "train_module.optim_config.eps": 1e-8,
    "train_module.optim_config.no_decay_1d": False,
    "train_module.scheduler.@schedulers": "olmoearth.cosine_with_warmup.v1",
    "train_module.scheduler.warmup_steps": 8000,
    "train_module.scheduler.alpha_f": 0.1,
    "train_module.scheduler.t_max": None,
    "train_module.max_grad_norm": 1.0,
    "train_module.ema_decay": [1.0, 1.0],
    "train_module.token_exit_cfg": None,
    "train_module.masking.encode_ratio": 0.5,
    "train_module.masking.decode_ratio": 0.5,
    "train_module.masking.only_decode_modalities": MAPS,
    "train_module.masking.legacy": True,
    "train_module.masking_b": None,
    "train_module.loss.tau": 0.1,
    "train_module.contrastive.@losses": "olmoearth.info_nce.v1",
    "train_module.contrastive.tau": 0.1,
    "trainer.max_duration.epochs": 300,
    "trainer.save_interval": 5000,
    "trainer.keep_checkpoints": None,
    "trainer.ephemeral_save_interval": 250,
    "trainer.metrics_collect_interval": 10,
    "trainer.load_strategy": "if_available",
}
V1 = {
    "train_module.rank_microbatch_size": 32,
    "data_loader.num_workers": 12,
    "data_loader.prefetch_factor": 2,
    "train_module.masking.@maskings": CROSS,
    "train_module.masking.allow_encoding_decoding_same_bandset": True,
    "train_module.masking.min_encoded_bandsets": 2,
    "train_module.masking.max_encoded_bandsets": None,
    "train_module.masking.min_decoded_bandsets": None,
    "train_module.masking.max_decoded_bandsets": None,
    "train_module.loss.@losses": PATCH,
    "train_module.loss.pred2unit": False,
    "train_module.loss.weight": 1.0,
    "train_module.contrastive.weight": 0.1,
    "model.tokenization": None,
    "model.encoder_config.patch_embedding.@patch_embeddings": "olmoearth.conv_patches.v1",
    "model.encoder_config.band_dropout_rate": 0.0,
    "model.encoder_config.position_encoding": None,
    "data_loader.budget_band_sets": "model",
}
V1_1 = {
    "train_module.rank_microbatch_size": 64,
    "data_loader.num_workers": 16,
    "data_loader.prefetch_factor": 4,
    "train_module.masking.@maskings": TIMES,
    "train_module.masking.random_ratio": 0.5,
    "train_module.loss.@losses": MASKED,
    "train_module.loss.same_target_threshold": 0.999,
    "train_module.loss.mask_negatives_for_modalities": MAPS,
    "train_module.contrastive.weight": 0.05,
    "model.tokenization": SINGLE,
    "model.encoder_config.patch_embedding.@patch_embeddings": "olmoearth.pixel_mlp_patches.v1",
    "model.encoder_config.band_dropout_rate": 0.2,
    "model.encoder_config.random_band_dropout": True,
    "model.encoder_config.band_dropout_modalities": ["sentinel2_l2a", "landsat"],
    "model.encoder_config.position_encoding": None,
    "data_loader.budget_band_sets": "declared",
}
ROPE = "model.encoder_config.position_encoding"
V1_2 = {
    **{key: value for key, value in V1_1.items() if key != ROPE},
    f"{ROPE}.@position_encodings": "olmoearth.rope_3d_mixed.v1",
    f"{ROPE}.base": 1e4,
    f"{ROPE}.coordinate_scale": 1.0,
    f"{ROPE}.temporal_coordinate_scale": 1 / 30,
}
VERSIONS = {"v1": V1, "v1_1": V1_1, "v1_2": V1_2}
TABLE = """
version  size         width depth heads decoder  lr    wd     hidden
v1       nano         128   4     8     4        1e-4  0.02   -
v1       tiny         192   12    3     4        1e-4  0.02   -
v1       base         768   12    12    4        1e-4  0.02   -
v1       large        1024  24    16    4        1e-4  0.02   -
v1_1     nano         128   4     8     4        2e-4  0.02   12
v1_1     tiny         192   12    3     4        2e-4  0.002  64
v1_1     base         768   12    12    4        1e-4  0.02   64
v1_2     nano         128   4     8     4        2e-4  0.02   12
v1_2     tiny         192   12    3     4        2e-4  0.002  64
v1_2     small        384   12    6     4        2e-4  0.02   64
v1_2     base         768   12    12    4        1e-4  0.02   64
v1_2     large        1024  24    16    4        1e-4  0.02   64
v1_2     base_faster  768   12    12    4        1e-4  0.02   64
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()[1:]]


def expected(version, width, depth, heads, decoder, lr, decay, hidden):
    own = {
        "model.encoder_config.embedding_size": int(width),
        "model.encoder_config.depth": int(depth),
        "model.encoder_config.num_heads": int(heads),
        "model.decoder_config.depth": int(decoder),
        "train_module.optim_config.lr": float(lr),
        "train_module.optim_config.weight_decay": float(decay),
    }
    if hidden != "-":
        own["model.encoder_config.patch_embedding.hidden_sizes"] = [int(hidden)]
    return {**COMMON, **VERSIONS[version], **own}


@pytest.fixture(scope="module")
def shown():
    """Return a function that resolves a recipe."""
    made = {}

    def resolve(recipe):
        return made.setdefault(recipe, load([str(ROOT / "configs" / f"{recipe}.cfg")]))

    return resolve


@pytest.mark.parametrize("row", ROWS, ids=["/".join(row[:2]) for row in ROWS])
def test_a_recipe_has_the_numbers_of_its_row(row, shown):
    version, size, *numbers = row
    config = shown(f"{version}/{size}")
    wanted = expected(version, *numbers)
    assert {key: config.at(key) for key in wanted} == wanted


def test_what_config_show_prints_is_what_was_compared(shown, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit):
        main(["config", "show", "configs/v1/nano.cfg"])
    assert Config.from_text(capsys.readouterr().out).tree == shown("v1/nano").tree


def test_every_recipe_of_an_official_version_has_a_row():
    files = {(v, p.stem) for v in VERSIONS for p in (ROOT / "configs" / v).glob("*.cfg") if not p.stem.startswith("v1")}
    assert {(row[0], row[1]) for row in ROWS} == files


def test_base_faster_is_base_with_a_small_target_and_half_precision(shown):
    plain, faster = shown("v1_2/base"), shown("v1_2/base_faster")
    assert (plain.at("model.target"), plain.at("train_module.autocast_precision")) == (None, "auto")
    assert faster.at("model.target.@targets") == "olmoearth.frozen_projection.v1"
    assert faster.at("train_module.autocast_precision") == "bfloat16"
    assert faster.at("trainer.callbacks.downstream_evaluator.enabled") is False
    without = {k: v for k, v in faster.tree["train_module"].items() if k != "autocast_precision"}
    assert without == {k: v for k, v in plain.tree["train_module"].items() if k != "autocast_precision"}
    assert {k: faster.tree[k] for k in ("run", "dataset", "data_loader")} == {
        k: plain.tree[k] for k in ("run", "dataset", "data_loader")
    }
