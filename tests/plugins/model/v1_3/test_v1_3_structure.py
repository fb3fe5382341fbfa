"""Names, shapes and numbers of the v1.3 weights (spec/model_v1_3.md 1.5, checks 1 to 3)."""

import hashlib
from pathlib import Path

import pytest
import torch

from olmoearth_core import modalities
from olmoearth_core.config.build import build
from olmoearth_core.config.load import load
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import ConfigError
from olmoearth_plugins.decoders.predictor import predictor
from olmoearth_plugins.encoders.flexi_vit import flexi_vit
from olmoearth_plugins.models.latent_mim import latent_mim
from olmoearth_plugins.poolers.location_pooler import location_pooler
from olmoearth_plugins.position_encodings.rope import rope
from olmoearth_plugins.position_encodings.rope_mixed import rope_mixed

CONFIG = Path(__file__).parents[4] / "configs" / "v1_3" / "base.cfg"


def numbers(module, *, trained=False):
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trained)


def model_of(overrides=()):
    parts = build(load([str(CONFIG)], ["--dataset.h5py_dir=nowhere", *overrides]))
    with torch.device("meta"):
        return parts.model.build(parts.dataset.specs)


def test_the_config_builds_the_official_state_dict(kit13):
    model = model_of()
    state = model.state_dict()
    text = "\n".join(f"{name} {list(state[name].shape)}" for name in sorted(state))
    assert kit13.golden["state_dicts"]["v1_3_base"] == {
        "tensors": len(state),
        "total": numbers(model),
        "trainable": numbers(model, trained=True),
        "encoder": numbers(model.encoder),
        "decoder": numbers(model.decoder),
        "target": numbers(model.target_encoder),
        "pooler": numbers(model.encoder.attention_pooler),
        "encoder_trainable": numbers(model.encoder, trained=True),
        "decoder_trainable": numbers(model.decoder, trained=True),
        "names_and_shapes_sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


def test_a_model_of_nanos_size_has_the_documented_numbers():
    nano = ["embedding_size=128", "depth=4", "num_heads=8", "patch_embedding.hidden_sizes=[12]"]
    model = model_of([f"--model.encoder_config.{setting}" for setting in nano])
    found = (numbers(model.encoder), numbers(model.decoder), len(model.state_dict()))
    assert found == (2_112_048, 843_936, 280)


def test_one_layer_has_the_shared_names_even_if_it_asks_for_its_own(kit13):
    names = set(kit13.encoder().attention_pooler.state_dict())
    assert "input_norm.weight" in names
    assert not any(n.startswith(("input_norms", "kv_proj")) for n in names)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"per_depth_read_proj": True, "attn_dim": 32}, {"input_norms.0.bias", "input_norms.1.bias"}),
        ({"per_depth_read_proj": True, "attn_dim": None}, {"input_norms.1.bias", "kv_projs.0.bias", "kv_projs.1.bias"}),
        ({"per_depth_read_proj": False, "attn_dim": None}, {"input_norm.bias", "kv_proj.bias"}),
    ],
)
def test_norms_and_projections_are_one_per_layer_or_shared(kit13, options, expected):
    names = set(kit13.encoder({"pooler_depth": 2, **options}).attention_pooler.state_dict())
    assert expected <= names
    assert any("kv_proj" in n for n in names) == (options["attn_dim"] is None)


def test_reading_takes_the_encoders_width_only_with_a_width_of_its_own(kit13):
    wide = kit13.encoder({"pooler_dim": 16, "attn_dim": 64}).attention_pooler.read_blocks[0].attn
    tied = kit13.encoder({"pooler_dim": 16, "attn_dim": None}).attention_pooler.read_blocks[0].attn
    assert [tuple(x.weight.shape) for x in (wide.q, wide.k, wide.proj)] == [(64, 16), (64, 32), (16, 64)]
    assert [tuple(x.weight.shape) for x in (tied.q, tied.k, tied.proj)] == [(16, 16), (16, 16), (16, 16)]


def test_student_widths_are_sorted_and_only_the_largest_is_built(kit13):
    assert tuple(kit13.encoder({"student_dims": [8, 12, 8]}).attention_pooler.student[0].weight.shape) == (12, 32)


def test_fresh_weights_are_those_of_the_specification(kit13):
    torch.manual_seed(0)
    specs = modalities(["sentinel2_l2a", "sentinel1"])
    pooler = kit13.recipe().build(specs, Tokenization(kit13.single)).attention_pooler
    assert 0.01 < pooler.learned_query.std() < 0.03
    assert (pooler.student[0].bias == 0).all()
    assert 0.3 < pooler.read_blocks[0].attn.q.weight.abs().max() <= (6 / 64) ** 0.5
    assert all((p == 1).all() for n, p in pooler.named_parameters() if n.endswith(("norm1.weight", "norm.weight")))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_heads": 3}, "width 32 must be a positive multiple of num_heads 3"),
        ({"num_heads": 16}, "multiple of 4, but it is 2"),
        ({"pooler_depth": 0}, "depth 0 must be at least 1"),
        ({"student_dims": []}, r"student_dims \[\]"),
        ({"student_dims": [8, 0]}, r"student_dims \[8, 0\]"),
        ({"attn_dim": 0}, "attn_dim 0"),
    ],
)
def test_pooler_options_that_do_not_fit_are_refused(kit13, options, message):
    with pytest.raises(ConfigError, match=message):
        kit13.recipe(options)


def test_a_pooler_needs_an_encoder_with_rotary_positions():
    with pytest.raises(ConfigError, match="finds tokens by their rotary positions, but this encoder has none"):
        flexi_vit(attention_pooler=location_pooler(pooler_dim=16))


@pytest.mark.parametrize(
    ("pooler", "options", "message"),
    [
        ({}, {"position_encoding": None}, "by row and column alone"),
        ({}, {"position_encoding": rope(), "pooler_dim": 8}, "pooler_dim 8 .* one of width 32"),
        (None, {"position_encoding": rope()}, "it has none"),
    ],
)
def test_a_decoder_that_cannot_ask_the_places_of_its_encoder_is_refused(kit13, pooler, options, message):
    encoder = kit13.recipe(pooler or {}, plain=pooler is None)
    decoder = predictor(use_attention_pooler=True, **options)
    with pytest.raises(ConfigError, match=message):
        latent_mim(encoder_config=encoder, decoder_config=decoder).build(modalities(["sentinel1"]))


def test_a_decoder_may_learn_how_to_rotate_by_row_and_column(kit13):
    decoder = predictor(use_attention_pooler=True, position_encoding=rope_mixed())
    model = latent_mim(encoder_config=kit13.recipe(), decoder_config=decoder).build(modalities(["sentinel1"]))
    assert model.decoder.location_tokens_to_decoder_embed.weight.shape == (32, 32)
