"""Reconstructor, MAE and Galileo: the numbers of the reference, and what it gets wrong or refuses."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import interpolate

from olmoearth_core import modalities
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import ConfigError
from olmoearth_plugins.blocks.pixel_head import PixelHead
from olmoearth_plugins.decoders.predictor import predictor
from olmoearth_plugins.decoders.reconstructor import reconstructor
from olmoearth_plugins.encoders.flexi_vit import flexi_vit
from olmoearth_plugins.models.galileo import galileo
from olmoearth_plugins.models.latent_mim import latent_mim
from olmoearth_plugins.models.mae import mae
from olmoearth_plugins.patch_embeddings.conv_patches import conv_patches
from olmoearth_plugins.patch_embeddings.linear_patches import linear_patches

OPTICAL_RADAR = ["sentinel2_l2a", "sentinel1"]
WITH_MAP = [*OPTICAL_RADAR, "worldcover"]
EVERY_KIND = ["sentinel1", "naip_10", "era5_10", "latlon"]


def encoder(**options):
    return flexi_vit(**{"embedding_size": 16, "num_heads": 2, "depth": 2, "mlp_ratio": 4.0, **options})


def decoder(**options):
    return predictor(**{"depth": 2, "mlp_ratio": 4.0, **options})


def pixels(**options):
    return reconstructor(decoder_config=decoder(), **options)


def autoencoder(kit, *, names=OPTICAL_RADAR, patches=None, decoded=False, **model):
    recipe = mae(
        encoder_config=encoder(patch_embedding=patches or linear_patches()),
        decoder_config=decoder() if decoded else None,
        reconstructor_config=pixels(),
        **model,
    )
    return kit.fill(recipe.build(modalities(names)))


def two_views(kit, **options):
    recipe = galileo(encoder_config=encoder(), decoder_config=decoder(), reconstructor_config=pixels(), **options)
    return kit.fill(recipe.build(modalities(WITH_MAP)))


def views(kit, **options):
    """A batch under the mixed masking, and the same with its second and third date exchanged."""
    first = kit.batch(modalities(WITH_MAP), mixed=True, **options)
    other = {n: m[..., [0, 2, 1], :] if m.shape[-2] == 3 else m for n, m in first.masks.items()}
    return first, replace(first, masks=other)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("patch_size", [4, 8])
def test_pixels_are_those_of_the_reference(kit, patch_size, train):
    expected = kit.golden("olmoearth.mae.v1")["fixtures"][f"MAE_recon_p{patch_size}"]["recon"]
    model = autoencoder(kit, patches=conv_patches()).train(train)
    out = model(kit.batch(modalities(OPTICAL_RADAR), mixed=True), patch_size)
    kit.assert_like(out.reconstructed.tokens, expected)
    assert out.decoded is None


def test_decoder_and_reconstructor_of_an_autoencoder_work_beside_each_other(kit):
    expected = kit.golden("olmoearth.mae.v1")["fixtures"]["MAE_decoder_and_recon_p4"]
    out = autoencoder(kit, patches=conv_patches(), decoded=True)(kit.batch(modalities(OPTICAL_RADAR), mixed=True), 4)
    kit.assert_like(out.reconstructed.tokens, expected["recon"])
    kit.assert_like(out.decoded.tokens, expected["decoded"])


def test_both_views_of_galileo_give_the_numbers_of_the_reference(kit):
    expected = kit.golden("olmoearth.galileo.v1")["fixtures"]["galileo_p4"]
    found = two_views(kit).train()(*views(kit), 4)
    assert set(found) == set(expected) == {"a", "b"}
    for view, out in found.items():
        kit.assert_like(out.latent.tokens, expected[view]["latent"])
        kit.assert_like(out.decoded.tokens, expected[view]["decoded"])
        kit.assert_like(out.reconstructed.tokens, expected[view]["recon"])
        for row, first4 in zip(out.pooled, expected[view]["pooled_first4"], strict=True):
            assert row[:4].tolist() == pytest.approx(first4, abs=1e-5)


def test_a_single_view_is_answered_by_the_first_decoder(kit):
    model, (a, b) = two_views(kit).eval(), views(kit)
    both = model(a, b, 4)["a"]
    for alone in (model(a), model(a, 4), model(a, patch_size=4)):
        assert all(torch.equal(alone.decoded.tokens[n], t) for n, t in both.decoded.tokens.items())
    assert model(a, 8).decoded.tokens["sentinel1"].shape[1] == 1
    assert model(a, b, patch_size=8)["b"].decoded.tokens["sentinel1"].shape[1] == 1


def test_the_second_decoder_starts_as_a_copy_and_is_trained_apart(kit):
    torch.manual_seed(0)
    model = galileo(encoder_config=encoder(), decoder_config=decoder()).build(modalities(WITH_MAP))
    a, b = model.decoder_a.state_dict(), model.decoder_b.state_dict()
    assert all(torch.equal(a[name], b[name]) and a[name].data_ptr() != b[name].data_ptr() for name in a)
    model(*views(kit), 4)["b"].decoded.tokens["worldcover"].square().sum().backward()
    assert model.decoder_a.mask_token.grad is None
    assert model.decoder_b.mask_token.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in model.target_encoder.parameters())
    assert not model.train().target_encoder.training


def test_targets_of_both_views_come_from_one_frozen_encoder(kit):
    model, (a, b) = two_views(kit), views(kit)
    full = model.targets(a, 4, full=True)
    assert all(torch.equal(full.tokens[n], t) for n, t in model.targets(b, 4, full=True).tokens.items())
    for view in (a, b):
        some = model.targets(view, 4)
        for name, mask in view.masks.items():
            asked = mask[:, ::4, ::4] == 2
            torch.testing.assert_close(some.tokens[name][asked], full.tokens[name][asked], atol=1e-6, rtol=1e-6)


def test_weights_have_the_names_of_the_reference(kit):
    model = autoencoder(kit, names=["sentinel2_l2a", *EVERY_KIND], decoded=True)
    state = {name: tuple(t.shape) for name, t in model.state_dict().items()}
    assert {name.split(".")[0] for name in state} == {"encoder", "decoder", "reconstructor"}
    heads = {n.removeprefix("reconstructor."): s for n, s in state.items() if "per_modality_reconstructions" in n}
    own = {n.removeprefix("reconstructor.decoder.") for n in state if n.startswith("reconstructor.decoder.")}
    assert own == {n.removeprefix("decoder.") for n in state if n.startswith("decoder.")}
    head = "per_modality_reconstructions"
    assert heads[f"{head}.sentinel2_l2a.sentinel2_l2a__1.proj.weight"] == (16, 6, 8, 8)
    assert heads[f"{head}.sentinel2_l2a.sentinel2_l2a__1.proj.bias"] == (6,)
    assert heads[f"{head}.naip_10.naip_10__0.proj.weight"] == (16, 4, 32, 32)
    assert heads[f"{head}.era5_10.era5_10__0.weight"] == (6, 16)
    assert heads[f"{head}.latlon.latlon__0.weight"] == (2, 16)


@pytest.mark.parametrize("patch_size", [1, 2, 4, 8])
def test_what_is_reconstructed_has_the_shape_of_what_went_in(kit, patch_size):
    specs = modalities(EVERY_KIND)
    batch = kit.batch(specs, mixed=True)
    out = autoencoder(kit, names=EVERY_KIND)(batch, patch_size).reconstructed
    assert {n: t.shape for n, t in out.tokens.items()} == {n: a.shape for n, a in batch.arrays.items()}
    for name, mask in out.masks.items():
        assert torch.equal(mask, batch.masks[name])


@pytest.mark.parametrize("side", [2, 4, 8])
def test_resized_weights_give_the_resized_pixels(side):
    torch.manual_seed(0)
    head, tokens = PixelHead(6, 3, 8), torch.randn(2, 3, 2, 4, 6)
    whole = head.proj(tokens.permute(0, 3, 4, 1, 2).flatten(0, 1))
    tiles = whole.unflatten(-1, (2, 8)).unflatten(-3, (3, 8)).permute(0, 2, 4, 1, 3, 5).flatten(0, 2)
    small = interpolate(tiles, size=(side, side), mode="bicubic", antialias=True) if side != 8 else tiles
    grid = small.view(2, 4, 3, 2, 3, side, side).permute(0, 2, 5, 3, 6, 1, 4).reshape(2, 3 * side, 2 * side, 4, 3)
    torch.testing.assert_close(head(tokens, side), grid, atol=1e-5, rtol=1e-5)


def test_bands_come_in_the_order_of_the_array_whatever_the_groups(kit):
    turned = {"sentinel1": [["vh"], ["vv"]]}
    specs = modalities(["sentinel1"])
    encoded = autoencoder(kit, names=["sentinel1"], tokenization=turned)
    out = encoded(kit.batch(specs, turned), 4)
    decoded = encoded.reconstructor.decoder(out.latent, kit.batch(specs).timestamps, 4).tokens["sentinel1"]
    heads = encoded.reconstructor.per_modality_reconstructions["sentinel1"].values()
    vh, vv = (head(decoded[..., i, :], 4) for i, head in enumerate(heads))
    torch.testing.assert_close(out.reconstructed.tokens["sentinel1"], torch.cat([vv, vh], -1))


def test_a_band_in_no_group_is_zero(kit):
    groups = {"sentinel1": [["vh"]]}
    out = autoencoder(kit, names=["sentinel1"], tokenization=groups)(kit.batch(modalities(["sentinel1"]), groups), 4)
    found = out.reconstructed.tokens["sentinel1"]
    assert (found[..., 0] == 0).all()
    assert (found[..., 1] != 0).all()


@pytest.mark.parametrize("train", [True, False])
def test_a_sample_does_not_depend_on_its_batch_mates(kit, train):
    model, batches = two_views(kit).train(train), views(kit)
    together = model(*batches, 4)
    for i in range(2):
        alone = model(*(b.rows(slice(i, i + 1)) for b in batches), 4)
        for view, out in alone.items():
            torch.testing.assert_close(out.pooled[0], together[view].pooled[i], atol=1e-5, rtol=1e-5)
            for name, values in out.reconstructed.tokens.items():
                torch.testing.assert_close(
                    values[0], together[view].reconstructed.tokens[name][i], atol=1e-5, rtol=1e-5
                )


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_batches_of_one_code_only_give_finite_values_and_gradients(kit, code):
    model, batch = autoencoder(kit, decoded=True), kit.batch(modalities(OPTICAL_RADAR))
    out = model(replace(batch, masks={n: torch.full_like(m, code) for n, m in batch.masks.items()}), 4)
    sum(t.sum() for t in out.reconstructed.tokens.values()).backward()
    assert all(t.isfinite().all() for t in out.reconstructed.tokens.values())
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_pixels_to_be_decoded_do_not_need_the_others(kit):
    model, batch = autoencoder(kit).eval(), kit.batch(modalities(OPTICAL_RADAR), mixed=True)
    full, short = model(batch, 4).reconstructed, model(batch, 4, full=False).reconstructed
    for name, codes in full.masks.items():
        asked = (codes == 2)[..., :1]
        torch.testing.assert_close(full.tokens[name] * asked, short.tokens[name] * asked, atol=1e-6, rtol=1e-6)


def test_gradients_reach_every_head(kit):
    torch.manual_seed(0)
    recipe = latent_mim(encoder_config=encoder(), decoder_config=decoder(), reconstructor_config=pixels())
    model = recipe.build(modalities(EVERY_KIND))
    out = model(kit.batch(modalities(EVERY_KIND), side=8), 4)
    sum(t.square().sum() for t in out.reconstructed.tokens.values()).backward()
    named = list(model.reconstructor.per_modality_reconstructions.named_parameters())
    assert len(named) == 2 * len(EVERY_KIND)
    assert all(p.grad.abs().sum() > 0 for _, p in named)


def test_latent_mim_reconstructs_from_what_was_encoded_and_predicts_as_without(kit):
    batch, specs = kit.batch(modalities(WITH_MAP), mixed=True), modalities(WITH_MAP)
    with_pixels, without = (
        kit.fill(latent_mim(encoder_config=encoder(), decoder_config=decoder(), **more).build(specs)).eval()
        for more in ({"reconstructor_config": pixels()}, {})
    )
    out, plain = with_pixels(batch, 4), without(batch, 4)
    same = with_pixels.reconstructor(out.latent, batch.timestamps, 4)
    assert all(torch.equal(out.reconstructed.tokens[n], t) for n, t in same.tokens.items())
    assert all(torch.equal(out.decoded.tokens[n], t) for n, t in plain.decoded.tokens.items())
    assert plain.reconstructed is None
    extra = set(with_pixels.state_dict()) - set(without.state_dict())
    assert {name.split(".")[0] for name in extra} == {"reconstructor"}


def test_with_counts_nobody_asks_the_device(kit):
    model, (batch, _) = two_views(kit), views(kit, patch=4, counted=True)
    with kit.Syncs() as asked:
        model(batch, batch, 4)
        model.targets(batch, 4)
    assert asked.seen == []


def test_bfloat16_autocast_stays_close(kit):
    model, batch = autoencoder(kit).eval(), kit.batch(modalities(OPTICAL_RADAR), mixed=True)
    exact = model(batch, 4).reconstructed.tokens["sentinel1"]
    with torch.autocast("cpu", torch.bfloat16):
        rough = model(batch, 4).reconstructed.tokens["sentinel1"]
    assert (rough - exact).abs().max() < 0.02


def test_parts_that_are_missing_or_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match="neither decoder_config nor reconstructor_config"):
        mae(encoder_config=encoder())
    with pytest.raises(ConfigError, match="at least 1"):
        pixels(max_patch_size=0)
    with pytest.raises(ConfigError, match="without the linear layer"):
        reconstructor(decoder_config=pixels()).build(modalities(["sentinel1"]), Tokenization(), encoder())
    for recipe in (
        mae(encoder_config=encoder(), decoder_config=decoder(), tokenization={"landsat": [["B8"]]}),
        galileo(encoder_config=encoder(), decoder_config=decoder(), tokenization={"landsat": [["B8"]]}),
    ):
        with pytest.raises(ConfigError, match="names landsat"):
            recipe.build(modalities(["sentinel1"]))
