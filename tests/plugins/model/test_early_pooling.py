"""Early attention pooling and its decoder: the numbers of the reference, and what it gets wrong or refuses."""

from dataclasses import replace

import pytest
import torch

from olmoearth_core import modalities
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_plugins.blocks.attention_pool import AttentionPool
from olmoearth_plugins.decoders.pooled_modality_predictor import pooled_modality_predictor
from olmoearth_plugins.decoders.predictor import predictor
from olmoearth_plugins.encoders.early_attention_pool import early_attention_pool
from olmoearth_plugins.encoders.flexi_vit import flexi_vit
from olmoearth_plugins.models.latent_mim import latent_mim
from olmoearth_plugins.position_encodings.no_positions import no_positions
from olmoearth_plugins.position_encodings.rope_3d_mixed import rope_3d_mixed

OPTICAL_RADAR = ["sentinel2_l2a", "sentinel1"]
WITH_MAP = [*OPTICAL_RADAR, "worldcover"]
DIMS = ("modality", "temporal", "spatial", "modality_temporal", "all")
VARIANTS = {
    "q3_pre1": {"num_queries": 3},
    "mlp_pre0": {"use_mlp": True},
    "attn128_pre1": {"pooling_attn_dim": 128},
    "heads2_pre0": {"num_attn_pool_heads": 2},
    "none_pre1": {"vit": {"position_encoding": no_positions()}},
    "reg_pre0": {"vit": {"num_register_tokens": 2}},
    "reg_pre1": {"vit": {"num_register_tokens": 2}},
    "qk_pre1": {"vit": {"qk_norm": True}},
    "proj2_pre1": {"vit": {"num_projection_layers": 2}},
}
DECODED = {
    "pmp_modality_enc1_maps_pre1": {},
    "pmp_modality_enc0_maps_pre1": {},
    "pmp_temporal_enc0_maps_pre1": {},
    "pmp_spatial_enc0_sr_pre1": {"names": OPTICAL_RADAR},
    "pmp_modality_temporal_enc1_maps_pre1": {},
    "pmp_modality_temporal_enc0_maps_pre1": {},
    "pmp_all_enc0_sr_pre1": {"names": OPTICAL_RADAR},
}


def pooling(*, before=0, vit=None, **options):
    """A small encoder recipe."""
    body = {"embedding_size": 64, "num_heads": 4, "depth": 2, "mlp_ratio": 4.0, **(vit or {})}
    return early_attention_pool(encoder_config=flexi_vit(**body), num_pre_modality_pooling_layers=before, **options)


def model(dims="modality", *, encodings=True, before=1, vit=None, names=WITH_MAP):
    decoder = pooled_modality_predictor(
        decoder_config=predictor(depth=2, mlp_ratio=4.0), include_encoder_encodings=encodings
    )
    encoder = pooling(dims_to_pool=dims, before=before, vit=vit)
    return latent_mim(encoder_config=encoder, decoder_config=decoder).build(modalities(names))


def filled(kit, recipe, names=OPTICAL_RADAR):
    specs = modalities(names)
    return kit.fill(recipe.build(specs, Tokenization())), specs


def assert_pooled(kit, out, expected):
    kit.assert_like({"all": out.extras["pooled_tokens"]}, {"all": expected["pooled_tokens"]})
    assert out.extras["pooled_masks"].sum() == expected["pooled_masks_sum"]
    assert out.extras["pooled_masks"].shape == out.extras["pooled_tokens"].shape[:-1]
    for found, row in zip(out.pooled, expected["project_aggregated_first4"], strict=True):
        assert found[:4].tolist() == pytest.approx(row, abs=1e-5)


@pytest.fixture(scope="module")
def recorded(kit):
    return kit.golden("olmoearth.early_attention_pool.v1")["fixtures"]


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize(("mixed", "before"), [(False, 1), (True, 0), (True, 1)])
@pytest.mark.parametrize("dims", DIMS)
def test_every_pooling_gives_the_numbers_of_the_reference(kit, recorded, dims, mixed, before, train):
    encoder, specs = filled(kit, pooling(dims_to_pool=dims, before=before))
    out = encoder.train(train)(kit.batch(specs, mixed=mixed), 4)
    assert_pooled(kit, out, recorded[f"early_{dims}_mixed{int(mixed)}_pre{before}"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_options_of_the_pooling_give_the_numbers_of_the_reference(kit, recorded, variant):
    encoder, specs = filled(kit, pooling(before=int(variant[-1]), **VARIANTS[variant]))
    assert_pooled(kit, encoder(kit.batch(specs, mixed=True), 4), recorded[f"earlyv_{variant}"])


def test_maps_take_part_before_pooling_only(kit, recorded):
    encoder, specs = filled(kit, pooling(before=1), WITH_MAP)
    assert_pooled(kit, encoder(kit.batch(specs), 4), recorded["early_maps_pre1"])


def test_tokens_are_bare_patch_embeddings_whatever_the_depth(kit, recorded):
    encoder, specs = filled(kit, pooling())
    batch = kit.batch(specs, mixed=True)
    out, bare = encoder(batch, 4), encoder(batch, 4, dict.fromkeys(batch.arrays, 0))
    kit.assert_like(out.tokens, recorded["early_modality_mixed1_pre0"]["tokens"])
    assert all(torch.equal(bare.tokens[name], tokens) for name, tokens in out.tokens.items())
    assert bare.extras == {}
    last = encoder(batch, 4, dict.fromkeys(batch.arrays, 2))
    assert torch.equal(last.extras["pooled_tokens"], out.extras["pooled_tokens"])
    with pytest.raises(ConfigError, match="takes 0 for all, or 2 for all"):
        encoder(batch, 4, {"sentinel2_l2a": 0, "sentinel1": 2})


@pytest.mark.parametrize("fixture", [*DECODED, "pmp_pe_none_enc1"])
def test_predictions_from_pooled_tokens_are_those_of_the_reference(kit, recorded, fixture):
    dims, _, encodings = fixture.removeprefix("pmp_").partition("_enc")
    options = {"dims": dims, "names": DECODED.get(fixture, {}).get("names", WITH_MAP)}
    if fixture == "pmp_pe_none_enc1":
        options = {"names": OPTICAL_RADAR, "vit": {"position_encoding": no_positions()}}
    built = kit.fill(model(**options, encodings=encodings.startswith("1"))).train()
    out = built(kit.batch(modalities(options["names"]), mixed=True), 4, full=False)
    kit.assert_like(out.decoded.tokens, recorded[fixture]["decoded"])
    for found, row in zip(out.pooled, recorded[fixture]["pooled_first4"], strict=True):
        assert found[:4].tolist() == pytest.approx(row, abs=1e-5)


def test_weights_have_the_names_of_the_reference():
    pool = pooling(num_queries=3, pooling_attn_dim=128).build(modalities(OPTICAL_RADAR), Tokenization()).attn_pool
    shapes = {name: tuple(t.shape) for name, t in pool.state_dict().items()}
    mlp = {"out_layer.fc1.weight": (64, 128), "out_layer.fc1.bias": (64,), "out_layer.fc2.weight": (128, 64)}
    norm = {"out_layer.fc2.bias": (128,), "out_norm.weight": (128,), "out_norm.bias": (128,)}
    ends = {"gate.weight": (1, 128), "out_proj.weight": (64, 128), "out_proj.bias": (64,)}
    assert shapes == {"query_tokens": (3, 128), "kv.weight": (256, 64), "kv.bias": (256,), **mlp, **norm, **ends}
    built = model()
    plain = latent_mim(encoder_config=flexi_vit(embedding_size=64), decoder_config=predictor()).build(
        modalities(WITH_MAP)
    )
    assert set(built.decoder.state_dict()) == set(plain.decoder.state_dict())
    extra = set(built.encoder.state_dict()) - set(plain.encoder.state_dict())
    assert {name.split(".")[0] for name in extra} == {"attn_pool"}


def test_several_queries_start_with_equal_weights():
    torch.manual_seed(0)
    pool, tokens = AttentionPool(64, num_queries=2), torch.randn(3, 5, 64)
    answers = pool._answers(tokens, None)
    torch.testing.assert_close(pool(tokens), answers.mean(1))


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("positions", [None, rope_3d_mixed(temporal_coordinate_scale=1 / 30)])
@pytest.mark.parametrize("dims", DIMS)
def test_a_sample_does_not_depend_on_its_batch_mates(kit, dims, positions, train):
    vit = {"position_encoding": positions, "num_register_tokens": 2}
    built = kit.fill(model(dims, encodings=dims.startswith("modality"), vit=vit)).train(train)
    batch = kit.batch(modalities(WITH_MAP), mixed=True)
    together = built(batch, 4)
    for i in range(2):
        alone = built(batch.rows(slice(i, i + 1)), 4)
        torch.testing.assert_close(alone.pooled[0], together.pooled[i], atol=1e-5, rtol=1e-5)
        for name, tokens in alone.decoded.tokens.items():
            torch.testing.assert_close(tokens[0], together.decoded.tokens[name][i], atol=1e-5, rtol=1e-5)


def test_rotary_positions_matter_after_pooling(kit):
    built = kit.fill(model(before=0, vit={"position_encoding": rope_3d_mixed()})).eval()
    batch = kit.batch(modalities(WITH_MAP), mixed=True)
    near, far = (built.encoder(batch, 4, input_res=res).extras["pooled_tokens"] for res in (10, 20))
    assert (near - far).abs().max() > 1e-4


def test_an_empty_sample_gives_zeros_and_does_not_harm_the_others(kit):
    built, batch = kit.fill(model()).train(), kit.batch(modalities(WITH_MAP), mixed=True)
    masks = {n: m.clone() for n, m in batch.masks.items()}
    for mask in masks.values():
        mask[1] = 3
    out = built(replace(batch, masks=masks), 4)
    (out.pooled.sum() + sum(t.sum() for t in out.decoded.tokens.values())).backward()
    assert (out.pooled[1] == 0).all()
    assert (out.latent.extras["pooled_tokens"][1] == 0).all()
    torch.testing.assert_close(out.pooled[0], built(batch, 4).pooled[0], atol=1e-5, rtol=1e-5)
    assert all(p.grad is None or p.grad.isfinite().all() for p in built.parameters())


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_batches_of_one_code_only_give_finite_values_and_gradients(kit, code):
    built, batch = kit.fill(model()), kit.batch(modalities(WITH_MAP))
    out = built(replace(batch, masks={n: torch.full_like(m, code) for n, m in batch.masks.items()}), 4)
    (out.pooled.sum() + sum(t.sum() for t in out.decoded.tokens.values())).backward()
    assert all(t.isfinite().all() for t in out.decoded.tokens.values())
    assert all(p.grad is None or p.grad.isfinite().all() for p in built.parameters())


def test_with_counts_nobody_asks_the_device(kit):
    built, batch = (
        model(vit={"num_register_tokens": 2}),
        kit.batch(modalities(WITH_MAP), mixed=True, patch=4, counted=True),
    )
    with kit.Syncs() as asked:
        built(batch, 4)
        built.targets(batch, 4)
    assert asked.seen == []


def test_gradients_reach_every_weight_of_the_pooling_that_is_used(kit):
    torch.manual_seed(0)
    encoder = pooling(num_queries=2, use_mlp=True, pooling_attn_dim=128)
    built = encoder.build(modalities(OPTICAL_RADAR), Tokenization())
    built(kit.batch(modalities(OPTICAL_RADAR), mixed=True), 4).extras["pooled_tokens"].square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for n, p in built.attn_pool.named_parameters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dims_to_pool": "bands"}, "must be one of modality, temporal"),
        ({"before": 3}, "has 2 blocks"),
        ({"vit": {"embedding_size": 32}}, "positive multiple of 64"),
        ({"num_attn_pool_heads": 5}, "multiple of num_attn_pool_heads 5"),
        ({"num_queries": 0}, "at least 1"),
        ({"vit": {"output_embedding_size": 32}}, "output_embedding_size"),
        ({"vit": {"legacy_eval_padding": True}}, "legacy_eval_padding"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        pooling(**options)


@pytest.mark.parametrize("dims", ["temporal", "spatial", "all"])
def test_a_decoder_without_encodings_for_a_pooling_is_refused_when_it_is_described(dims):
    with pytest.raises(ConfigError, match="include_encoder_encodings = false"):
        pooled_modality_predictor(decoder_config=predictor(), dims_to_pool=dims)
    with pytest.raises(ConfigError, match="include_encoder_encodings = false"):
        model(dims)


def test_parts_that_do_not_belong_together_are_refused(kit):
    specs, decoder = modalities(OPTICAL_RADAR), pooled_modality_predictor(decoder_config=predictor())
    with pytest.raises(ConfigError, match="expects an encoder with dims_to_pool"):
        decoder.build(specs, Tokenization(), flexi_vit(embedding_size=64))
    with pytest.raises(ConfigError, match="dims_to_pool modality_temporal"):
        pooled_modality_predictor(decoder_config=predictor(), dims_to_pool="modality_temporal").build(
            specs, Tokenization(), pooling()
        )
    with pytest.raises(ConfigError, match="early_attention_pool is built around"):
        early_attention_pool(encoder_config=pooling())
    with pytest.raises(ConfigError, match="built like"):
        pooled_modality_predictor(decoder_config=decoder)
    with pytest.raises(ConfigError, match="cannot have use_attention_pooler"):
        pooled_modality_predictor(decoder_config=predictor(use_attention_pooler=True))
    with pytest.raises(ConfigError, match="places and dates"):
        pooling().build(modalities(["worldcover"]), Tokenization())


def test_batches_and_tokens_that_cannot_be_pooled_are_refused(kit):
    built, specs = model(), modalities(WITH_MAP)
    with pytest.raises(DataError, match="none of which has both places and dates"):
        built(kit.batch(specs[2:]), 4)
    latent = built.encoder(kit.batch(specs, mixed=True), 4)
    with pytest.raises(DataError, match="pooled_tokens"):
        built.decoder(replace(latent, extras={}), kit.batch(specs).timestamps, 4)
