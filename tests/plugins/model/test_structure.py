"""Names, shapes and numbers of weights are those of the official checkpoints."""

import hashlib
from pathlib import Path

import pytest
import torch

from olmoearth_core import modalities
from olmoearth_core.config.build import build
from olmoearth_core.config.load import load
from olmoearth_core.data.tokens import Tokenization
from olmoearth_plugins.targets.frozen_projection import frozen_projection

CONFIGS = Path(__file__).parents[3] / "configs"

SIZES = {
    "nano": {},
    "tiny": {"width": 192, "heads": 3, "depth": 12, "hidden": 64},
    "small": {"width": 384, "heads": 6, "depth": 12, "hidden": 64},
    "base": {"width": 768, "heads": 12, "depth": 12, "hidden": 64},
    "large": {"width": 1024, "heads": 16, "depth": 24, "hidden": 64},
}
VERSIONS = {"v1": "nano tiny base large", "v1_1": "nano tiny base", "v1_2": "nano tiny small base large"}


def on_meta(recipe, specs):
    with torch.device("meta"):
        return recipe.build(specs)


def facts_of(model):
    state = model.state_dict()
    own = sorted(name for name in state if not name.startswith("target_encoder."))
    text = "\n".join(f"{name} {list(state[name].shape)}" for name in own)
    parameters = list(model.parameters())
    return {
        "tensors": len(state),
        "total": sum(p.numel() for p in parameters),
        "trainable": sum(p.numel() for p in parameters if p.requires_grad),
        "encoder": sum(p.numel() for p in model.encoder.parameters()),
        "decoder": sum(p.numel() for p in model.decoder.parameters()),
        "names_and_shapes_sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


@pytest.mark.parametrize(("version", "size"), [(v, s) for v, sizes in VERSIONS.items() for s in sizes.split()])
def test_official_sizes_have_the_official_state_dict(kit, version, size):
    model = on_meta(kit.recipe(version, **SIZES[size]), kit.nine())
    expected = kit.golden("olmoearth.latent_mim.v1")["state_dicts"][f"{version}_{size}"]
    found = facts_of(model)
    assert found == expected
    assert list(model.target_encoder.state_dict()) == list(model.encoder.state_dict())


@pytest.mark.parametrize(("version", "size"), [(v, s) for v in VERSIONS for s in VERSIONS[v].split()])
def test_official_configs_build_the_official_state_dict(kit, version, size):
    parts = build(load([str(CONFIGS / version / f"{size}.cfg")], ["--dataset.h5py_dir=nowhere"]))
    model = on_meta(parts.model, parts.dataset.specs)
    assert facts_of(model) == kit.golden("olmoearth.latent_mim.v1")["state_dicts"][f"{version}_{size}"]


def test_names_do_not_depend_on_the_order_of_modalities(kit):
    forth, back = (facts_of(on_meta(kit.recipe(), specs)) for specs in (kit.nine(), kit.nine()[::-1]))
    assert forth == back


def test_shapes_of_single_band_sets(nano):
    shapes = {name: tuple(t.shape) for name, t in nano.state_dict().items()}
    head = "encoder.patch_embeddings.per_modality_embeddings"
    assert shapes[f"{head}.sentinel2_l2a.sentinel2_l2a__0.proj.weight"] == (128, 768)
    assert shapes[f"{head}.sentinel2_l2a.sentinel2_l2a__0.pixel_proj.0.weight"] == (12, 12)
    assert shapes[f"{head}.worldcover.worldcover__0.pixel_proj.0.weight"] == (12, 1)
    assert shapes["encoder.blocks.0.attn.rope_mixed_freqs"] == (3, 8, 8)


def test_shapes_that_differ_between_versions_and_sizes(kit):
    head = "encoder.patch_embeddings.per_modality_embeddings"
    v1 = on_meta(kit.recipe("v1"), kit.nine()).state_dict()
    assert v1[f"{head}.sentinel2_l2a.sentinel2_l2a__1.proj.weight"].shape == (128, 6, 8, 8)
    base = on_meta(kit.recipe(**SIZES["base"]), kit.nine()).state_dict()
    assert base["encoder.blocks.0.attn.rope_mixed_freqs"].shape == (3, 12, 32)


def test_a_patch_of_finer_pixels_has_as_many_tokens(kit):
    encoder, specs = kit.encoder(["naip_10", "sentinel2_l2a"])
    heads = encoder.patch_embeddings.per_modality_embeddings
    assert heads["naip_10"]["naip_10__0"].proj.in_features == 4096
    out = encoder(kit.batch(specs), 2)
    assert out.tokens["naip_10"].shape[1:3] == out.tokens["sentinel2_l2a"].shape[1:3] == (4, 4)


def test_band_groups_and_token_shapes_of_the_versions(kit):
    (optical,) = modalities(["sentinel2_l2a"])
    declared, single = Tokenization(), Tokenization(kit.single_sets())
    assert [list(g) for g in declared.groups(optical)] == [[0, 1, 2, 3], [4, 5, 6, 7, 8, 9], [10, 11]]
    assert [list(g) for g in single.groups(optical)] == [list(range(12))]
    for groups, overrides in ((3, None), (1, {"sentinel2_l2a": kit.single_sets()["sentinel2_l2a"]})):
        encoder, specs = kit.encoder(["sentinel2_l2a"], overrides)
        out = encoder(kit.batch(specs, overrides, samples=1, side=64, steps=1), 4)
        assert out.tokens["sentinel2_l2a"].shape == (1, 16, 16, 1, groups, 16)


def test_vectors_have_plain_linear_heads(kit):
    encoder, specs = kit.encoder(["latlon", "era5_10"])
    names = [n for n in encoder.state_dict() if "per_modality_embeddings" in n]
    assert names
    assert not any("proj" in n for n in names)
    out = encoder(kit.batch(specs))
    assert out.tokens["era5_10"].shape == (2, 3, 1, 16)
    assert out.tokens["latlon"].shape == (2, 1, 16)


def test_fresh_frequencies_fall_as_documented_and_lie_in_two_orthogonal_directions(kit):
    torch.manual_seed(0)
    frequencies = kit.recipe().build(modalities(["sentinel2_l2a", "landsat"])).encoder.blocks[0].attn.rope_mixed_freqs
    norms = frequencies.norm(dim=0)
    torch.testing.assert_close(norms, torch.tensor([1, 0.1, 0.01, 0.001] * 2).expand(8, 8), rtol=1e-5, atol=1e-7)
    across = (frequencies[:, :, 0] * frequencies[:, :, 4]).sum(0)
    assert across.abs().max() < 1e-6


def test_a_fresh_target_equals_the_encoder_and_is_never_trained(kit):
    model = kit.recipe().build(kit.nine())
    online, target = model.encoder.state_dict(), model.target_encoder.state_dict()
    assert all(torch.equal(online[name], target[name]) for name in online)
    assert not any(p.requires_grad for p in model.target_encoder.parameters())
    assert not any(p.requires_grad for n, p in model.named_parameters() if n.endswith("month_embed.weight"))
    assert not model.train().target_encoder.training


def test_a_target_of_projections_has_just_their_names(kit):
    model = on_meta(kit.recipe(target=frozen_projection()), kit.nine())
    names = list(model.target_encoder.state_dict())
    assert len(names) == 36
    assert all(name.startswith("patch_embeddings.") for name in names)


def test_fresh_weights_are_bounded_as_documented(kit):
    torch.manual_seed(1)
    recipe = kit.recipe(width=192, heads=3, depth=1, hidden=64)
    encoder = recipe.build(modalities(["sentinel2_l2a", "landsat"])).encoder
    patch = encoder.patch_embeddings.per_modality_embeddings["sentinel2_l2a"]["sentinel2_l2a__0"]
    assert 0.015 < patch.proj.weight.abs().max() < 0.015625
    assert patch.proj.bias.abs().max() > 0
    assert 0.12 < encoder.blocks[0].attn.q.weight.abs().max() < 0.125
    assert (encoder.blocks[0].attn.q.bias == 0).all()
    assert all((p == 0).all() for p in encoder.composite_encodings.per_modality_channel_embeddings.values())
