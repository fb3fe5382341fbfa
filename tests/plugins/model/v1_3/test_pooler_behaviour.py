"""What the attention pooler promises beyond numbers (spec/model_v1_3.md, checks 4 to 8 and 16)."""

from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from olmoearth_core import modalities
from olmoearth_core.data.sample import ViewCounts
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_plugins.blocks.lattice import Lattice
from olmoearth_plugins.decoders.predictor import predictor
from olmoearth_plugins.models.latent_mim import latent_mim
from olmoearth_plugins.position_encodings.rope import rope

SYNCS = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "unique")
DEVICE = torch.device("cpu")


@pytest.fixture(scope="module")
def encoder(kit13):
    return kit13.encoder()


@pytest.mark.parametrize(
    ("per_side", "expected"),
    [(1, [0, 4]), (2, [-1, 1, 3, 5]), (4, [-1.5, -0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5])],
)
def test_queries_share_the_area_of_a_patch_evenly(per_side, expected):
    lattice = Lattice((2, 2), per_side)
    grid = lattice.grid(lattice.coordinates(rope(), 4.0, DEVICE))[0]
    assert grid[:, 0, 0].tolist() == expected
    assert grid[0, :, 1].tolist() == expected
    assert (grid[:, :, 0] == grid[:, :1, 0]).all()


def test_places_and_their_short_copies_have_the_documented_shapes(kit13):
    encoder = kit13.encoder({"student_dims": [64, 128]})
    batch = kit13.batch(samples=1, size=(32, 32), steps=1)
    found = [encoder(batch, 4, location_query_patch_size=s).extras for s in (None, 1)]
    assert [tuple(x["location_tokens"].shape) for x in found] == [(1, 8, 8, 32), (1, 32, 32, 32)]
    assert [tuple(x["student_location_tokens"].shape) for x in found] == [(1, 8, 8, 128), (1, 32, 32, 128)]


@pytest.mark.parametrize("first", [True, False])
def test_the_pooled_vector_is_made_of_the_places(kit13, first):
    encoder = kit13.encoder(aggregate_then_project=first)
    out = encoder(kit13.batch(), 4, location_query_patch_size=2)
    project = encoder.project_and_aggregate.projection
    places = out.extras["location_tokens"]
    expected = project(places.mean((1, 2))) if first else project(places).mean((1, 2))
    torch.testing.assert_close(out.pooled, expected)


def test_the_student_pulls_on_nothing_but_itself(kit13):
    encoder = kit13.encoder()
    encoder(kit13.batch(), 4).extras["student_location_tokens"].sum().backward()
    pulled = {name for name, p in encoder.named_parameters() if p.grad is not None and p.grad.any()}
    assert pulled <= {f"attention_pooler.student.{part}" for part in ("0.weight", "0.bias", "1.weight", "1.bias")}
    assert "attention_pooler.student.0.weight" in pulled


def model_of(kit13):
    names = [*kit13.names, "worldcover"]
    decoder = predictor(depth=2, mlp_ratio=4.0, position_encoding=rope(), use_attention_pooler=True)
    recipe = latent_mim(encoder_config=kit13.recipe(), decoder_config=decoder, tokenization=kit13.single)
    return kit13.fill(recipe.build(modalities(names))).eval(), kit13.batch(names=names, mixed=True)


@pytest.mark.parametrize("full", [True, False])
def test_predictions_pull_on_the_pooler_but_not_on_student_and_head(kit13, full):
    model, batch = model_of(kit13)
    sum(t.square().sum() for t in model(batch, 4, full=full).decoded.tokens.values()).backward()
    pulled = {name for name, p in model.encoder.named_parameters() if p.grad is not None and p.grad.any()}
    assert {"attention_pooler.learned_query", "attention_pooler.read_blocks.0.attn.k.weight"} <= pulled
    assert not any("student" in name or "project_and_aggregate" in name for name in pulled)


def test_predictions_are_the_same_whether_the_context_is_returned_or_not(kit13):
    model, batch = model_of(kit13)
    full, short = (model(batch, 4, full=full).decoded for full in (True, False))
    for name, mask in batch.masks.items():
        asked = full.masks[name] == 2
        assert asked.any() or name == "sentinel1" or mask is None
        torch.testing.assert_close(full.tokens[name][asked], short.tokens[name][asked], rtol=0, atol=0)


@pytest.mark.parametrize("query", [None, 2, 1])
def test_tokens_are_those_of_the_encoder_without_a_pooler(kit13, encoder, query):
    found = encoder(kit13.batch(mixed=True), 4, location_query_patch_size=query)
    expected = kit13.encoder(plain=True)(kit13.batch(mixed=True), 4)
    for name in kit13.names:
        assert torch.equal(found.tokens[name], expected.tokens[name])
    assert not expected.extras


def test_bare_patch_embeddings_have_no_places(kit13, encoder):
    out = encoder(kit13.batch(), 4, token_exits=dict.fromkeys(kit13.names, 0))
    assert (out.pooled, dict(out.extras)) == (None, {})


@pytest.mark.parametrize("train", [True, False])
def test_places_do_not_depend_on_batch_mates(kit13, train):
    encoder, batch = kit13.encoder(drop_path=0.0).train(train), kit13.batch(mixed=True)
    both = encoder(batch, 4).extras
    for i in range(2):
        alone = encoder(batch.rows(slice(i, i + 1)), 4).extras
        for name, found in both.items():
            torch.testing.assert_close(found[i : i + 1], alone[name], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("empty", [slice(1, 2), slice(0, 2)])
def test_a_sample_without_tokens_gives_zeros_and_finite_gradients(kit13, empty):
    encoder, batch = kit13.encoder(), kit13.batch()
    for mask in batch.masks.values():
        mask[empty] = 3
    out = encoder(batch, 4)
    for found in (out.pooled, out.extras["location_tokens"], out.extras["student_location_tokens"]):
        assert (found[empty] == 0).all()
        assert found.isfinite().all()
    (out.pooled.sum() + out.extras["student_location_tokens"].sum()).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in encoder.parameters())


def test_a_sample_without_tokens_is_still_decoded_to_something_finite(kit13):
    model, batch = model_of(kit13)
    for name in kit13.names:
        batch.masks[name][1] = 3
    decoded = model(batch, 4).decoded
    assert all(t.isfinite().all() for t in decoded.tokens.values())


def test_the_device_is_never_asked_for_a_number(kit13):
    asked = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            asked.extend(name for name in SYNCS if func.__name__.startswith(name))
            return func(*args, **(kwargs or {}))

    model, batch = model_of(kit13)
    masks = {name: m[:, ::4, ::4] for name, m in batch.masks.items()}
    batch = replace(batch, masks=masks, counts=ViewCounts.of(masks))
    with Watch():
        model(batch, 4, full=False)
    assert asked == []


def test_numbers_under_bfloat16_autocast_have_the_documented_types(kit13, encoder):
    with torch.autocast("cpu", torch.bfloat16):
        out = encoder(kit13.batch(), 4)
    found = out.extras["location_tokens"]
    assert (found.dtype, out.extras["student_location_tokens"].dtype) == (torch.float32, torch.bfloat16)
    exact = encoder(kit13.batch(), 4).extras["location_tokens"]
    assert (found - exact).abs().max() < 0.1


@pytest.mark.parametrize("query", [3, 8, 0])
def test_queries_that_do_not_divide_a_patch_are_refused(kit13, encoder, query):
    with pytest.raises(ConfigError, match=f"location_query_patch_size {query} must divide patch_size 4"):
        encoder(kit13.batch(), 4, location_query_patch_size=query)


def test_a_question_to_a_pooler_that_is_not_there_is_refused(kit13):
    with pytest.raises(ConfigError, match="this one has none"):
        kit13.encoder(plain=True)(kit13.batch(), 4, location_query_patch_size=2)


def test_a_pooler_without_any_grid_is_refused(kit13):
    specs = modalities(["era5_10"])
    encoder = kit13.recipe().build(specs, kit13.tokenization)
    with pytest.raises(DataError, match="needs a spatial modality"):
        encoder(kit13.batch(names=["era5_10"]), 4)


def test_a_decoder_without_places_says_what_is_missing(kit13):
    model, batch = model_of(kit13)
    latent = replace(model.encoder(batch, 4), extras={})
    with pytest.raises(ConfigError, match="handed over no location tokens"):
        model.decoder(latent, batch.timestamps, 4)
