"""What the model promises beyond numbers: independence, silence towards the device, and clear refusals."""

from dataclasses import replace

import pytest
import torch

from olmoearth_core import modalities
from olmoearth_core.data.sample import Batch, ViewCounts
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_plugins.decoders.predictor import predictor
from olmoearth_plugins.encoders.flexi_vit import flexi_vit
from olmoearth_plugins.patch_embeddings.linear_patches import linear_patches
from olmoearth_plugins.patch_embeddings.pixel_mlp_patches import pixel_mlp_patches
from olmoearth_plugins.position_encodings.rope import rope
from olmoearth_plugins.position_encodings.rope_3d import rope_3d
from olmoearth_plugins.position_encodings.rope_3d_mixed import rope_3d_mixed
from olmoearth_plugins.position_encodings.rope_mixed import rope_mixed
from olmoearth_plugins.targets.frozen_projection import frozen_projection


def mixed(kit, **options):
    return kit.batch(kit.nine(), kit.single_sets(), mixed=True, **options)


@pytest.mark.parametrize("train", [True, False])
def test_a_sample_does_not_depend_on_its_batch_mates(kit, nano, train):
    batch = mixed(kit)
    nano.train(train)
    together = nano(batch, 4)
    for i in range(2):
        alone = nano(batch.rows(slice(i, i + 1)), 4)
        torch.testing.assert_close(alone.pooled[0], together.pooled[i], atol=1e-5, rtol=1e-5)
        for name, tokens in alone.decoded.tokens.items():
            torch.testing.assert_close(tokens[0], together.decoded.tokens[name][i], atol=1e-5, rtol=1e-5)
    nano.eval()


def test_pixel_masks_and_token_masks_give_the_same(kit, nano):
    pixel, token = nano(mixed(kit), 4), nano(mixed(kit, patch=4, counted=True), 4)
    assert torch.equal(pixel.pooled, token.pooled)
    for name, tokens in pixel.decoded.tokens.items():
        assert torch.equal(tokens, token.decoded.tokens[name])


def test_with_counts_nobody_asks_the_device(kit, nano):
    batch = mixed(kit, patch=4, counted=True)
    nano.train().encoder.enable_band_dropout()
    with kit.Syncs() as asked:
        nano(batch, 4)
        nano.targets(batch, 4)
        nano.target_encoder(batch.unmask(), 4)
    assert asked.seen == []
    with kit.Syncs() as asked:
        nano.encoder(replace(batch, counts=None), 4)
    assert len(asked.seen) <= 1
    nano.eval().encoder.patch_embeddings.band_dropout.active = False


def test_predictions_only_where_asked_equal_the_full_ones_there(kit, nano):
    batch = mixed(kit)
    full, short = nano(batch, 4).decoded, nano(batch, 4, full=False).decoded
    for name, mask in full.masks.items():
        asked = mask == 2
        assert torch.equal(full.tokens[name][asked], short.tokens[name][asked])
        assert (short.tokens[name][~asked] == 0).all()


def test_what_is_neither_seen_nor_asked_gets_the_answer_to_a_zero_token(kit, nano):
    out = nano(mixed(kit), 4)
    constant = nano.decoder.to_output_embed(nano.decoder.norm.bias)
    for name, mask in out.decoded.masks.items():
        rest = out.decoded.tokens[name][(mask == 1) | (mask == 3)]
        torch.testing.assert_close(rest, constant.expand_as(rest))
        assert (out.latent.tokens[name][mask != 0] == 0).all()


def test_targets_of_asked_places_are_the_same_as_in_the_full_targets(kit, nano):
    batch = mixed(kit)
    some, everything = nano.targets(batch, 4), nano.targets(batch, 4, full=True)
    for name, mask in batch.masks.items():
        asked = mask[:, ::4, ::4] == 2
        torch.testing.assert_close(some.tokens[name][asked], everything.tokens[name][asked], atol=1e-6, rtol=1e-6)
        assert not everything.tokens[name].requires_grad


def test_a_target_of_projections_gives_the_same_targets(kit):
    torch.manual_seed(3)
    whole = kit.recipe().build(kit.nine())
    torch.manual_seed(3)
    part = kit.recipe(target=frozen_projection()).build(kit.nine())
    batch = mixed(kit)
    a, b = (m.targets(batch, 4) for m in (whole, part))
    assert all(torch.equal(a.tokens[n], b.tokens[n]) for n in a.tokens)
    with pytest.raises(ConfigError, match="no depth"):
        part.targets(batch, 4, token_exits=dict.fromkeys(batch.arrays, 1))


def test_exits_at_zero_are_bare_embeddings_and_at_the_end_the_usual_output(kit, nano):
    batch = kit.batch(kit.nine(), kit.single_sets())
    names = list(batch.arrays)
    usual, last = nano.encoder(batch, 4), nano.encoder(batch, 4, dict.fromkeys(names, 4))
    with torch.no_grad():
        bare, target = nano.encoder(batch, 4, dict.fromkeys(names, 0)), nano.targets(batch, 4, full=True)
    assert all(torch.equal(usual.tokens[n], last.tokens[n]) for n in names)
    assert all(torch.equal(bare.tokens[n], target.tokens[n]) for n in names)
    assert bare.pooled is None
    with pytest.raises(ConfigError, match="Missing: worldcereal"):
        nano.encoder(batch, 4, dict.fromkeys(names[:-1], 0))
    with pytest.raises(ConfigError, match="Out of range"):
        nano.encoder(batch, 4, dict.fromkeys(names, 5))


def test_an_empty_sample_gives_zeros_and_does_not_harm_the_others(kit, nano):
    batch = mixed(kit)
    masks = {n: m.clone() for n, m in batch.masks.items()}
    for mask in masks.values():
        mask[1] = 3
    out = nano.train()(replace(batch, masks=masks), 4)
    out.pooled.sum().backward()
    assert (out.pooled[1] == 0).all()
    assert all((t[1] == 0).all() for t in out.latent.tokens.values())
    torch.testing.assert_close(out.pooled[0], nano(batch, 4).pooled[0], atol=1e-5, rtol=1e-5)
    assert all(p.grad is None or p.grad.isfinite().all() for p in nano.parameters())
    nano.zero_grad()
    nano.eval()


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_batches_of_one_code_only_give_finite_values_and_gradients(kit, nano, code):
    batch = mixed(kit)
    out = nano(replace(batch, masks={n: torch.full_like(m, code) for n, m in batch.masks.items()}), 4)
    (out.pooled.sum() + sum(t.sum() for t in out.decoded.tokens.values())).backward()
    assert all(t.isfinite().all() for t in out.decoded.tokens.values())
    assert all(p.grad is None or p.grad.isfinite().all() for p in nano.parameters())
    nano.zero_grad()


def test_one_sample_without_context_is_decoded_from_nothing(kit, nano):
    batch = mixed(kit)
    masks = {n: m.clone() for n, m in batch.masks.items()}
    for mask in masks.values():
        mask[1][mask[1] == 0] = 1
    together = nano(replace(batch, masks=masks), 4).decoded
    alone = nano(replace(batch, masks=masks).rows(slice(1, 2)), 4).decoded
    for name, tokens in alone.tokens.items():
        torch.testing.assert_close(tokens[0], together.tokens[name][1], atol=1e-5, rtol=1e-5)


def test_the_order_of_modalities_in_a_batch_does_not_matter(kit, nano):
    batch = mixed(kit)
    turned = Batch(dict(reversed(batch.arrays.items())), dict(reversed(batch.masks.items())), batch.timestamps)
    assert torch.equal(nano(batch, 4).pooled, nano(turned, 4).pooled)


def test_views_share_resized_patches_and_counts_can_be_cut(kit, nano):
    batch = mixed(kit, patch=4, counted=True)
    nano(batch, 4)
    first = {k: v.data_ptr() for k, v in batch.memo.items()}
    nano(replace(batch, masks=batch.masks), 4)
    assert first
    assert {k: v.data_ptr() for k, v in batch.memo.items()} == first
    assert nano(batch.rows(slice(1, 2)), 4).pooled.shape == (1, 128)


def test_bfloat16_autocast_keeps_months_apart(kit, nano):
    batch = mixed(kit)
    exact = nano(batch, 4)
    with torch.autocast("cpu", torch.bfloat16):
        rough = nano(batch, 4)
    assert rough.latent.tokens["landsat"].dtype == torch.float32
    error = (rough.latent.tokens["landsat"] - exact.latent.tokens["landsat"]).abs().max()
    assert error < 0.1
    later = replace(batch, timestamps=batch.timestamps + torch.tensor([0, 0, 3]))
    with torch.autocast("cpu", torch.bfloat16):
        shifted = nano(later, 4)
    assert not torch.equal(shifted.latent.tokens["landsat"], rough.latent.tokens["landsat"])


def test_gradients_reach_every_trained_weight_that_saw_data(kit):
    torch.manual_seed(0)
    model = kit.recipe().build(kit.nine()).train()
    out = model(mixed(kit), 4, full=False)
    (out.pooled.square().sum() + sum(t.square().sum() for t in out.decoded.tokens.values())).backward()
    silent = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert all(any(name in n for name in kit.maps) for n in silent)
    assert model.encoder.blocks[0].attn.rope_mixed_freqs.grad.abs().sum() > 0
    assert model.decoder.mask_token.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patch_size": 9}, "takes 1 to 8 pixels"),
        ({"patch_size": 3}, "cannot be cut into patches of 3 x 3"),
        ({"drop": "timestamps"}, "the timestamps 2"),
        ({"drop": "mask"}, "not its mask"),
        ({"drop": "band"}, "expected 5 axes"),
        ({"add": "naip"}, "was built for"),
        ({"mask": 5}, "the mask has shape"),
    ],
)
def test_batches_that_do_not_fit_are_refused_with_reasons(kit, nano, change, message):
    batch = mixed(kit)
    arrays, masks, timestamps = dict(batch.arrays), dict(batch.masks), batch.timestamps
    if change.get("drop") == "timestamps":
        timestamps = timestamps[:, :2]
    elif change.get("drop") == "mask":
        del masks["landsat"]
    elif change.get("drop") == "band":
        arrays["landsat"] = arrays["landsat"][..., :10]
    elif "add" in change:
        arrays["naip"] = arrays["landsat"]
    elif "mask" in change:
        masks["landsat"] = masks["landsat"][:, :5, :5]
    with pytest.raises(DataError, match=message):
        nano(Batch(arrays, masks, timestamps), change.get("patch_size", 4))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"embedding_size": 30, "num_heads": 4}, "multiple of num_heads"),
        ({"position_encoding": rope_mixed(), "embedding_size": 12}, "multiple of 4"),
        ({"position_encoding": rope_3d(), "num_heads": 2}, "temporal_fraction is 0.25"),
        ({"patch_embedding": linear_patches(post_hidden_sizes=[4])}, "must end with the embedding_size"),
        ({"min_patch_size": 9}, "in this order"),
        ({"drop_path": 1.0}, "drop_path"),
        ({"num_register_tokens": -1}, "num_register_tokens"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        flexi_vit(**options)


@pytest.mark.parametrize(
    ("factory", "options"),
    [
        (rope, {"base": 0.0}),
        (rope_3d_mixed, {"temporal_coordinate_scale": 0.0}),
        (rope_3d, {"temporal_base": -1.0}),
        (rope_mixed, {"coordinate_scale": float("inf")}),
    ],
)
def test_bases_and_scales_must_be_positive(factory, options):
    with pytest.raises(ConfigError, match="positive"):
        factory(**options)


@pytest.mark.parametrize("sizes", [[], [4, 0]])
def test_an_mlp_on_pixels_needs_layers(sizes):
    with pytest.raises(ConfigError, match="hidden_sizes"):
        pixel_mlp_patches(hidden_sizes=sizes)


def test_a_decoder_for_another_width_and_a_tokenization_for_another_sensor_are_refused(kit):
    specs = modalities(["sentinel1"])
    encoder = flexi_vit()
    with pytest.raises(ConfigError, match="encoder_embedding_size is 32"):
        predictor(encoder_embedding_size=32).build(specs, kit.recipe().tokenization, encoder)
    with pytest.raises(ConfigError, match="landsat, sentinel2_l2a"):
        kit.recipe().build(specs)


def test_derived_counts_are_those_of_the_loader(kit, nano):
    batch = mixed(kit, patch=4)
    assert nano.encoder(batch, 4).counts == ViewCounts.of(batch.masks)
