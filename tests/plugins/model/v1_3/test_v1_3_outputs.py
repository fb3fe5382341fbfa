"""Outputs of the released v1.3 code for fixed weights and inputs (spec/model_v1_3.md 5.1)."""

import pytest
import torch

from olmoearth_core import modalities
from olmoearth_plugins.blocks.searchlight import SearchlightSettings
from olmoearth_plugins.decoders.predictor import predictor
from olmoearth_plugins.encoders.domain import embed_domain
from olmoearth_plugins.models.latent_mim import latent_mim
from olmoearth_plugins.position_encodings.rope import rope
from olmoearth_plugins.position_encodings.rope_3d_mixed import rope_3d_mixed
from olmoearth_plugins.targets.frozen_projection import frozen_projection

NARROW = {"pooler_dim": 16, "pooler_depth": 2, "num_heads": 2, "attn_dim": None}
POOLED = {
    "P1_base_like_p4": {},
    "P2_query_patch_2": {"query": 2},
    "P3_query_patch_1_fast": {"query": 1},
    "P4_mixed_train": {"mixed": True, "train": True},
    "P5_mixed_eval_padding_leak": {"mixed": True, "options": {"legacy_eval_padding": True}},
    "P6_inputres20_p2": {"patch_size": 2, "input_res": 20},
    "P7_narrow_tied_depth2": {"pooler": {**NARROW, "per_depth_read_proj": False}, "options": {"student": False}},
    "P8_perdepth_decoupled": {
        "pooler": {**NARROW, "num_heads": 4, "attn_dim": 32, "student_dims": [4], "student_output_norm": False}
    },
    "P9_encoder_rope2d": {"options": {"position_encoding": rope()}},
    "P10_perdepth_tied_qknorm": {"pooler": NARROW, "options": {"student": False, "qk_norm": True}},
}
LIT = {
    "S1_searchlight_p2_n8": {"patch_size": 2},
    "S2_searchlight_p4_n8_query2": {"query": 2},
    "S3_searchlight_p4_n12_odd": {"size_px": 12},
    "S4_searchlight_missing_step": {"missing": 1},
    "S8_searchlight_no_pooler_p4_n8": {"options": {"plain": True}},
}


@pytest.mark.parametrize("fixture", POOLED)
def test_pooled_outputs_are_those_of_the_reference(kit13, fixture):
    case = POOLED[fixture]
    encoder = kit13.encoder(case.get("pooler", {}), **case.get("options", {})).train(case.get("train", False))
    batch = kit13.batch(mixed=case.get("mixed", False))
    call = {"input_res": case.get("input_res", 10), "location_query_patch_size": case.get("query")}
    kit13.assert_encoded(encoder(batch, case.get("patch_size", 4), **call), kit13.fixtures[fixture])


@pytest.mark.parametrize("fixture", LIT)
def test_searchlight_outputs_are_those_of_the_reference(kit13, fixture):
    case = LIT[fixture]
    encoder = kit13.encoder(**case.get("options", {}))
    batch = kit13.batch(samples=1, size=(16, 24), steps=2, missing_radar_step=case.get("missing"))
    call = {"location_query_patch_size": case.get("query"), "searchlight": SearchlightSettings(case.get("size_px", 8))}
    kit13.assert_encoded(encoder(batch, case.get("patch_size", 4), **call), kit13.fixtures[fixture])


@pytest.mark.parametrize(
    ("fixture", "crop", "overlap", "query", "output"),
    [
        ("S5_embed_domain_crop16_ov8", 16, 8, 4, "student_location_tokens"),
        ("S6_embed_domain_crop24_ov16_q2_location", 24, 16, 2, "location_tokens"),
    ],
)
def test_tiled_outputs_are_those_of_the_reference(kit13, fixture, crop, overlap, query, output):
    found = embed_domain(
        kit13.encoder(),
        kit13.batch(samples=1, size=(24, 40), steps=2),
        4,
        crop_px=crop,
        overlap_px=overlap,
        location_query_patch_size=query,
        output_key=output,
        settings=SearchlightSettings(8),
    )
    expected = kit13.fixtures[fixture]
    lines = {key: expected[key] for key in ("row0_feature0", "col0_feature0")}
    kit13.assert_facts(found[0], {**expected[output], **lines})


def test_one_pass_over_a_domain_gives_the_outputs_of_the_reference(kit13):
    batch = kit13.batch(samples=1, size=(24, 40), steps=2)
    out = kit13.encoder()(batch, 4, searchlight=SearchlightSettings(8))
    expected = kit13.fixtures["S7_full_domain_24x40_p4_n8"]
    lines = {key: expected[key] for key in ("row0_feature0", "col0_feature0")}
    found = out.extras["student_location_tokens"][0]
    kit13.assert_facts(found, {**expected["student_location_tokens"], **lines})


@pytest.mark.parametrize("train", [True, False])
def test_a_small_model_gives_the_outputs_of_the_reference(kit13, train):
    names = [*kit13.names, "worldcover"]
    recipe = latent_mim(
        encoder_config=kit13.recipe(
            position_encoding=rope_3d_mixed(base=10000.0, temporal_coordinate_scale=1 / 30),
        ),
        decoder_config=predictor(
            depth=2, num_heads=2, mlp_ratio=4.0, position_encoding=rope(), use_attention_pooler=True
        ),
        target=frozen_projection(),
        tokenization=kit13.single,
    )
    model = kit13.fill(recipe.build(modalities(names))).train(train)
    expected = kit13.fixtures["L_v1_3_small_train_mixed_p4"]
    out = model(kit13.batch(names=names, mixed=True), 4)
    kit13.kit.assert_like(out.latent.tokens, expected["latent"])
    kit13.kit.assert_like(out.decoded.tokens, expected["decoded"])
    for found, row in zip(out.pooled, expected["pooled_first4"], strict=True):
        assert found[:4].tolist() == pytest.approx(row, abs=1e-5)
    target = model.targets(kit13.batch(names=names), 4, full=True)
    kit13.kit.assert_like(target.tokens, expected["target"])


def test_a_step_that_is_missing_never_reaches_a_place(kit13):
    encoder = kit13.encoder()
    batch = kit13.batch(samples=1, size=(16, 24), steps=2, missing_radar_step=1)
    first = encoder(batch, 4).extras["location_tokens"]
    batch.arrays["sentinel1"][:, :, :, 1] += 100.0
    batch.memo.clear()
    torch.testing.assert_close(encoder(batch, 4).extras["location_tokens"], first, rtol=0, atol=0)
