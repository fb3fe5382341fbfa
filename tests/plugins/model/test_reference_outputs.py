"""Outputs of the reference for fixed weights and inputs (spec/model.md 15.3)."""

import pytest

from olmoearth_plugins.patch_embeddings.conv_patches import conv_patches
from olmoearth_plugins.patch_embeddings.pixel_mlp_patches import pixel_mlp_patches
from olmoearth_plugins.position_encodings.no_positions import no_positions
from olmoearth_plugins.position_encodings.rope import rope
from olmoearth_plugins.position_encodings.rope_3d import rope_3d
from olmoearth_plugins.position_encodings.rope_3d_mixed import rope_3d_mixed
from olmoearth_plugins.position_encodings.rope_mixed import rope_mixed

MONTHS = {"temporal_coordinate_scale": 1 / 30}
PIXEL_MLP = pixel_mlp_patches(hidden_sizes=[5])
OPTICAL_RADAR = ["sentinel2_l2a", "sentinel1"]
ENCODERS = {
    "E1_abs_conv_p4": {"options": {"patch_embedding": conv_patches()}},
    "E2_abs_linear_p8": {"patch_size": 8},
    "E3_abs_linear_p2_inputres20": {"patch_size": 2, "input_res": 20},
    "E4_train_mixed": {"mixed": True, "train": True},
    "E5_eval_mixed_padding_leak": {"mixed": True, "options": {"legacy_eval_padding": True}},
    "E6_rope": {"options": {"embedding_size": 32, "position_encoding": rope()}},
    "E6_rope_mixed": {"options": {"embedding_size": 32, "position_encoding": rope_mixed()}},
    "E6_rope_3d": {"options": {"embedding_size": 32, "position_encoding": rope_3d(**MONTHS)}},
    "E6_rope_3d_mixed": {"options": {"embedding_size": 32, "position_encoding": rope_3d_mixed(**MONTHS)}},
    "E6_none": {"options": {"embedding_size": 32, "position_encoding": no_positions()}},
    "E7_exit1_train": {"train": True, "token_exits": {"sentinel2_l2a": 1, "sentinel1": 2}},
    "E8_registers_qknorm": {"options": {"qk_norm": True, "num_register_tokens": 3}},
    "E9_latlon_era5": {"names": ["latlon", "era5_10"]},
    "E10_naip10": {"names": ["naip_10", "sentinel1"], "samples": 1, "side": 4, "steps": 2, "patch_size": 2},
    "E11_pixelmlp_single_bandset": {"single": True, "options": {"patch_embedding": PIXEL_MLP}},
}


@pytest.mark.parametrize("fixture", ENCODERS)
def test_encoder_outputs_are_those_of_the_reference(kit, fixture):
    case, expected = ENCODERS[fixture], kit.golden("olmoearth.flexi_vit.v1")["fixtures"][fixture]
    groups = {"sentinel2_l2a": kit.single_sets()["sentinel2_l2a"]} if case.get("single") else None
    encoder, specs = kit.encoder(case.get("names", OPTICAL_RADAR), groups, **case.get("options", {}))
    shape = {k: case[k] for k in ("samples", "side", "steps", "mixed") if k in case}
    call = {k: case[k] for k in ("input_res", "token_exits") if k in case}
    out = encoder.train(case.get("train", False))(kit.batch(specs, groups, **shape), case.get("patch_size", 4), **call)
    kit.assert_like(out.tokens, expected["tokens"])
    for found, row in zip(out.pooled, expected["project_aggregated_first4"], strict=True):
        assert found[:4].tolist() == pytest.approx(row, abs=1e-5)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("version", ["v1", "v1_1", "v1_2"])
def test_nano_models_give_the_outputs_of_the_reference(kit, version, train):
    recipe = kit.recipe(version)
    model = kit.fill(recipe.build(kit.nine())).train(train)
    expected = kit.golden("olmoearth.latent_mim.v1")["fixtures"][f"L_{version}_nano_train_mixed_p4"]
    batch = kit.batch(kit.nine(), recipe.tokenization.overrides, mixed=True)
    out = model(batch, 4)
    kit.assert_like(out.latent.tokens, expected["latent"])
    kit.assert_like(out.decoded.tokens, expected["decoded"])
    for found, row in zip(out.pooled, expected["pooled_first4"], strict=True):
        assert found[:4].tolist() == pytest.approx(row, abs=1e-5)
    everything = kit.batch(kit.nine(), recipe.tokenization.overrides)
    kit.assert_like(model.targets(everything, 4, full=True).tokens, expected["target"])
