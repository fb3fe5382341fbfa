"""The space-time encoder and predictor: numbers of the reference, and what ours promises beyond them."""

from dataclasses import replace

import pytest
import torch

from olmoearth_core import modalities
from olmoearth_core.data.sample import ViewCounts
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_plugins.attentions.plain import plain
from olmoearth_plugins.decoders.predictor import predictor
from olmoearth_plugins.decoders.space_time_predictor import space_time_predictor
from olmoearth_plugins.encoders.flexi_vit import flexi_vit
from olmoearth_plugins.encoders.space_time import space_time
from olmoearth_plugins.models.latent_mim import latent_mim
from olmoearth_plugins.position_encodings.rope_3d_mixed import rope_3d_mixed
from olmoearth_plugins.targets.frozen_projection import frozen_projection

OPTICAL_RADAR = ["sentinel2_l2a", "sentinel1"]
WITH_PLACE = [*OPTICAL_RADAR, "latlon"]
FOUR = ["FULL", "SPATIAL", "TEMPORAL", "FULL"]
FULL_FUSED = ["full", "spatial", "full", "temporal"]
WINDOWS_BETWEEN = ["full", "windowed", "windowed", "temporal"]
CASES = {
    "default": {},
    "default_train": {"train": True},
    "default_p2_res20": {"patch_size": 2, "input_res": 20},
    "default_mixed": {"mixed": True},
    "depth3_mixed": {"mixed": True, "depth": 3},
    "windowed2_mixed": {"mixed": True, "patch_size": 2, "options": {"windowed_attention_size": 2}},
    "windowed3_mixed": {"mixed": True, "patch_size": 2, "options": {"windowed_attention_size": 3}},
    "windowed9": {"options": {"windowed_attention_size": 9}},
    "fuse0": {"options": {"fuse_layers": 0}},
    "fuse1_mixed": {"mixed": True, "options": {"fuse_layers": 1}},
    "fuse1_first": {
        "names": ["sentinel2_l2a"],
        "mixed": True,
        "options": {"fuse_layers": 1, "fuse_using_cross_attn": False},
    },
    "modes_mixed": {"mixed": True, "options": {"layer_attention_modes": FOUR}},
    "modes_fuse": {"mixed": True, "options": {"layer_attention_modes": FULL_FUSED, "fuse_layers": 1}},
    "modes_windowed": {
        "patch_size": 2,
        "options": {"layer_attention_modes": WINDOWS_BETWEEN, "windowed_attention_size": 2},
    },
    "latlon_mixed": {"names": WITH_PLACE, "mixed": True},
    "latlon_depth3": {"names": WITH_PLACE, "depth": 3},
    "latlon_fuse": {"names": WITH_PLACE, "options": {"fuse_layers": 1}},
    "latlon_decoded": {"names": WITH_PLACE, "mixed": True, "hide": "latlon", "decoder": {"depth": 3}},
    "map": {"names": [*OPTICAL_RADAR, "worldcover"]},
    "naip": {"names": ["sentinel1", "naip_10"], "samples": 1, "side": 4, "steps": 2, "patch_size": 2},
    "exit0": {"token_exits": {"sentinel2_l2a": 0, "sentinel1": 0}},
    "exit12": {"token_exits": {"sentinel2_l2a": 1, "sentinel1": 2}},
    "single": {"single": True},
    "outwidth": {"inner": {"output_embedding_size": 8}},
    "holes": {"names": WITH_PLACE, "patch_size": 2, "holes": True},
    "holes_windowed": {"patch_size": 2, "holes": True, "options": {"windowed_attention_size": 3}},
    "holes_fuse": {"patch_size": 2, "holes": True, "options": {"fuse_layers": 1}},
}
MODES = {
    "default": {},
    "full": {"layer_attention_modes": ["full"] * 4},
    "windowed": {"windowed_attention_size": 3},
    "fused": {"fuse_layers": 1},
    "first": {"fuse_layers": 1, "fuse_using_cross_attn": False},
}
EVERY_KIND = ["sentinel2_l2a", "era5_10", "sentinel1", "worldcover", "latlon"]


def encoder_recipe(*, depth=4, inner=None, **options):
    small = {"embedding_size": 16, "num_heads": 2, "depth": depth, "mlp_ratio": 4.0, "drop_path": 0.0}
    return space_time(encoder_config=flexi_vit(**small | (inner or {})), **options)


def decoder_recipe(*, depth=4, **options):
    chosen = {k: v for k, v in options.items() if not k.startswith("fuse")}
    return space_time_predictor(decoder_config=predictor(depth=depth, mlp_ratio=4.0), **chosen)


def model_of(kit, names=EVERY_KIND, options=None, *, train=False, **parts):
    options = options or {}
    recipe = latent_mim(encoder_config=encoder_recipe(**options), decoder_config=decoder_recipe(**options), **parts)
    return kit.fill(recipe.build(modalities(names))).train(train)


def punch(masks, patch_size):
    """Give patches codes that vary over places, dates and groups; one corner is missing, half a sample is predicted."""
    for name, mask in masks.items():
        if mask.ndim == 5:
            coarse = mask[:, ::patch_size, ::patch_size]
            i = torch.arange(coarse.numel()).reshape(coarse.shape)
            code = (i * i + 3 * (i // 7) + len(name)) % 5 % 4
            code[0, 0, 0], code[1, 2:] = 3, 2
            mask[:] = code.repeat_interleave(patch_size, 1).repeat_interleave(patch_size, 2)


def holes(kit, names=EVERY_KIND):
    batch = kit.batch(modalities(names))
    punch(batch.masks, 2)
    return batch


@pytest.mark.parametrize("fixture", CASES)
def test_outputs_are_those_of_the_reference(kit, fixture):
    case, expected = CASES[fixture], kit.golden("olmoearth.space_time.v1")["fixtures"][fixture]
    specs, options, patch_size = modalities(case.get("names", OPTICAL_RADAR)), case.get("options", {}), 4
    groups = {"sentinel2_l2a": kit.single_sets()["sentinel2_l2a"]} if case.get("single") else None
    depth, patch_size = case.get("depth", 4), case.get("patch_size", 4)
    recipe = encoder_recipe(depth=depth, inner=case.get("inner"), **options)
    encoder = kit.fill(recipe.build(specs, Tokenization(groups))).train(case.get("train", False))
    batch = kit.batch(specs, groups, **{k: case[k] for k in ("samples", "side", "steps", "mixed") if k in case})
    if case.get("holes"):
        punch(batch.masks, patch_size)
    if "hide" in case:
        batch.masks[case["hide"]][:] = 2
    out = encoder(batch, patch_size, **{k: case[k] for k in ("input_res", "token_exits") if k in case})
    kit.assert_like(out.tokens, expected["tokens"])
    for i, row in enumerate(expected.get("project_aggregated_first4", ())):
        assert out.pooled[i, :4].tolist() == pytest.approx(row, abs=1e-5)
    if "decoded" in expected:
        decoder = decoder_recipe(**{"depth": depth, **case.get("decoder", options)}).build(
            specs, Tokenization(), recipe
        )
        kit.assert_like(kit.fill(decoder)(out, batch.timestamps, patch_size).tokens, expected["decoded"])


def test_state_names_are_those_of_the_other_encoder_and_the_fusing_token():
    def names(recipe):
        return {k: v.shape for k, v in recipe.build(modalities(EVERY_KIND), Tokenization()).state_dict().items()}

    small = {"embedding_size": 16, "depth": 4, "mlp_ratio": 4.0}
    assert names(encoder_recipe()) == names(flexi_vit(**small))
    fused = names(encoder_recipe(fuse_layers=1))
    assert fused.pop("fusing_token") == (16,)
    assert fused == names(flexi_vit(**small))
    decoder = decoder_recipe().build(modalities(EVERY_KIND), Tokenization(), encoder_recipe())
    other = predictor(depth=4, mlp_ratio=4.0).build(modalities(EVERY_KIND), Tokenization(), encoder_recipe())
    assert list(decoder.state_dict()) == list(other.state_dict())


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_a_sample_does_not_depend_on_its_batch_mates(kit, mode, train):
    model, batch = model_of(kit, options=MODES[mode], train=train), holes(kit)
    together = model(batch, 2)
    for i in range(2):
        alone = model(batch.rows(slice(i, i + 1)), 2)
        torch.testing.assert_close(alone.pooled[0], together.pooled[i], atol=1e-5, rtol=1e-5)
        for name, tokens in alone.decoded.tokens.items():
            torch.testing.assert_close(tokens[0], together.decoded.tokens[name][i], atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(alone.latent.tokens[name][0], together.latent.tokens[name][i])


@pytest.mark.parametrize("mode", MODES)
def test_hidden_places_are_zero_and_an_empty_sample_gives_zeros_and_harms_nobody(kit, mode):
    model, batch = model_of(kit, options=MODES[mode], train=True), holes(kit)
    masks = {name: mask.clone() for name, mask in batch.masks.items()}
    for mask in masks.values():
        mask[1] = 3
    out = model(replace(batch, masks=masks), 2)
    (out.pooled.sum() + sum(t.sum() for t in out.decoded.tokens.values())).backward()
    assert (out.pooled[1] == 0).all()
    assert all((out.latent.tokens[name][code != 0] == 0).all() for name, code in out.latent.masks.items())
    torch.testing.assert_close(out.pooled[0], model(batch, 2).pooled[0], atol=1e-5, rtol=1e-5)
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("code", [0, 1, 2, 3])
@pytest.mark.parametrize("mode", MODES)
def test_batches_of_one_code_only_give_finite_values_and_gradients(kit, mode, code):
    model, batch = model_of(kit, options=MODES[mode]), holes(kit)
    out = model(replace(batch, masks={n: torch.full_like(m, code) for n, m in batch.masks.items()}), 2)
    (out.pooled.sum() + sum(t.sum() for t in out.decoded.tokens.values())).backward()
    assert all(t.isfinite().all() for t in out.decoded.tokens.values())
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("target", [None, frozen_projection()])
def test_latent_mim_trains_them_end_to_end(kit, mode, target):
    torch.manual_seed(0)
    options = MODES[mode]
    inner = {"drop_path": 0.2, "band_dropout_rate": 0.3}
    encoder, decoder = encoder_recipe(inner=inner, **options), decoder_recipe(**options)
    recipe = latent_mim(encoder_config=encoder, decoder_config=decoder, target=target)
    model, batch = recipe.build(modalities(EVERY_KIND)).train(), holes(kit)
    model.encoder.enable_band_dropout()
    out, wanted = model(batch, 2, full=False), model.targets(batch, 2)
    lost = sum((out.decoded.tokens[n] - t).square().mean() for n, t in wanted.tokens.items())
    (lost + out.pooled.square().sum()).backward()
    silent = {n for n, p in model.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.abs().sum())}
    # A fusing token starts at zero and so asks for nothing in particular; taking the first token leaves it unused.
    asking = {f"encoder.blocks.3.{name}.weight" for name in ("attn.q", "attn.k", "norm1")}
    allowed = {"fused": asking, "first": {"encoder.fusing_token"}}.get(mode, set())
    assert {name for name in silent if not name.endswith("k.bias")} <= allowed
    assert all(t.requires_grad is False for t in wanted.tokens.values())


def test_a_plain_predictor_reads_the_encoder_too(kit):
    recipe = latent_mim(encoder_config=encoder_recipe(), decoder_config=predictor(depth=1))
    out = kit.fill(recipe.build(modalities(OPTICAL_RADAR)))(holes(kit, OPTICAL_RADAR), 2)
    assert {t.shape[-1] for t in out.decoded.tokens.values()} == {16}


@pytest.mark.parametrize("mode", ["default", "windowed"])
def test_groups_that_cover_everything_are_full_attention(kit, mode):
    """One patch and one image per group: then temporal blocks, and windows wider than the grid, see all there is."""
    options = {"windowed_attention_size": 20} if mode == "windowed" else {"layer_attention_modes": ["temporal"] * 4}
    patch_size, batch = (2, holes(kit)) if mode == "windowed" else (8, kit.batch(modalities(EVERY_KIND), mixed=True))
    here, full = (model_of(kit, options=o) for o in (options, {"layer_attention_modes": ["full"] * 4}))
    a, b = here(batch, patch_size), full(batch, patch_size)
    for name, tokens in a.decoded.tokens.items():
        torch.testing.assert_close(a.latent.tokens[name], b.latent.tokens[name], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(tokens, b.decoded.tokens[name], atol=1e-5, rtol=1e-5)


def test_fusing_makes_the_tokens_of_a_patch_equal_and_those_without_a_place_their_mean(kit):
    out = model_of(kit, options={"fuse_layers": 1}).encoder(kit.batch(modalities(EVERY_KIND)), 2)
    patch = out.tokens["worldcover"][:, :, :, :1, :1]
    for name in ("sentinel2_l2a", "sentinel1"):
        torch.testing.assert_close(out.tokens[name], patch.expand_as(out.tokens[name]))
    for name in ("era5_10", "latlon"):
        mean = patch.mean((1, 2)).flatten(1)
        torch.testing.assert_close(
            out.tokens[name].flatten(1, -2), mean[:, None].expand(-1, out.masks[name][0].numel(), -1)
        )


@pytest.mark.parametrize("mode", MODES)
def test_kernels_and_rotary_positions_can_be_exchanged(kit, mode):
    batch, specs = holes(kit), modalities(EVERY_KIND)
    rotary = {"position_encoding": rope_3d_mixed(), "embedding_size": 32}
    found = [
        kit.fill(encoder_recipe(inner=rotary | extra, **MODES[mode]).build(specs, Tokenization()))(batch, 2)
        for extra in ({}, {"attention": plain()})
    ]
    torch.testing.assert_close(found[0].pooled, found[1].pooled, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_rotary_positions_see_how_far_tokens_are_apart(kit, mode):
    torch.manual_seed(0)
    names = [*OPTICAL_RADAR, "worldcover"]
    inner = {"position_encoding": rope_3d_mixed(temporal_coordinate_scale=1 / 30), "embedding_size": 32}
    encoder = encoder_recipe(inner=inner, **MODES[mode]).build(modalities(names), Tokenization())
    for block in encoder.blocks:
        block.attn.q.weight.data *= 5
    batch = holes(kit, names)
    shifted, stretched = (batch.timestamps + torch.tensor([0, 0, 3]), batch.timestamps * torch.tensor([3, 1, 1]))
    usual, later, longer = (
        encoder(replace(batch, timestamps=t), 2).pooled for t in (batch.timestamps, shifted, stretched)
    )
    torch.testing.assert_close(later, usual, atol=1e-3, rtol=1e-3)
    assert (longer - usual).abs().max() > 1e-2


def test_a_kernel_that_asks_for_lengths_is_told_why_not(kit):
    def asks(q, k, v, queries, keys):
        return q * sum(keys.lengths)

    encoder = encoder_recipe(inner={"attention": asks}).build(modalities(OPTICAL_RADAR), Tokenization())
    with pytest.raises(ConfigError, match="only the device knows"):
        encoder(holes(kit, OPTICAL_RADAR), 2)


@pytest.mark.parametrize("mode", MODES)
def test_with_counts_nobody_asks_the_device(kit, mode):
    model, batch = model_of(kit, options=MODES[mode], train=True), holes(kit)
    masks = {n: m[:, ::2, ::2] if m.ndim == 5 else m for n, m in batch.masks.items()}
    batch = replace(batch, masks=masks, counts=ViewCounts.of(masks))
    with kit.Syncs() as asked:
        model(batch, 2)
        model.target_encoder(batch.unmask(), 2)
    assert asked.seen == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer_attention_modes": ["full"]}, "for each of 4 blocks"),
        ({"layer_attention_modes": ["full", "spatial", "temporal", "diagonal"]}, "must name one of full, spatial"),
        ({"layer_attention_modes": ["windowed"] * 4}, "windowed blocks need a size"),
        ({"layer_attention_modes": ["full"] * 4, "windowed_attention_size": 2}, "only they have one"),
        ({"windowed_attention_size": 0}, "at least 1 patch"),
        ({"windowed_attention_size": 2, "fuse_layers": 1}, "the last block must be temporal, but it is windowed"),
        ({"layer_attention_modes": ["full"] * 4, "fuse_layers": 1}, "the last block must be temporal, but it is full"),
        ({"fuse_layers": 4}, r"must lie in \[0, 3\]"),
        ({"inner": {"num_register_tokens": 2}}, "does not work with num_register_tokens"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        encoder_recipe(**options)


def test_other_parts_inside_are_refused_by_name():
    with pytest.raises(ConfigError, match="its own encoder_config is a SpaceTime"):
        space_time(encoder_config=encoder_recipe())
    with pytest.raises(ConfigError, match="its own decoder_config is a SpaceTimePredictor"):
        space_time_predictor(decoder_config=decoder_recipe())


@pytest.mark.parametrize(
    ("patch_size", "exits", "error", "message"),
    [
        (3, None, DataError, "cannot be cut into patches of 3 x 3"),
        (9, None, DataError, "takes 1 to 8 pixels"),
        (2, {"sentinel2_l2a": 1}, ConfigError, "Missing: sentinel1"),
        (2, {"sentinel2_l2a": 1, "sentinel1": 5}, ConfigError, "Out of range"),
    ],
)
def test_calls_that_do_not_fit_are_refused_with_reasons(kit, patch_size, exits, error, message):
    encoder = encoder_recipe().build(modalities(OPTICAL_RADAR), Tokenization())
    with pytest.raises(error, match=message):
        encoder(kit.batch(modalities(OPTICAL_RADAR)), patch_size, exits)


def test_early_exits_work_where_tokens_are_hidden(kit):
    """The reference crashes here (spec/model.md 14.1, D10)."""
    encoder, batch = model_of(kit, OPTICAL_RADAR).encoder, holes(kit, OPTICAL_RADAR)
    usual, mixed = encoder(batch, 2), encoder(batch, 2, {"sentinel2_l2a": 4, "sentinel1": 0})
    bare = encoder(batch, 2, {"sentinel2_l2a": 0, "sentinel1": 0})
    assert torch.equal(mixed.tokens["sentinel2_l2a"], usual.tokens["sentinel2_l2a"])
    seen = (mixed.masks["sentinel1"] == 0)[..., None]
    torch.testing.assert_close(mixed.tokens["sentinel1"], encoder.norm(bare.tokens["sentinel1"]) * seen)
