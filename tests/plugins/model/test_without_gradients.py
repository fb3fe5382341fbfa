"""What is computed differently when nobody wants gradients, and that it gives the same."""

import pytest
import torch
from torch import nn
from torch.nn.functional import gelu, relu, scaled_dot_product_attention

from olmoearth_core import modalities
from olmoearth_plugins.attentions.plain import attend as written_out
from olmoearth_plugins.attentions.sdpa import attend
from olmoearth_plugins.blocks import bf16_attention, dense
from olmoearth_plugins.blocks.block import Block
from olmoearth_plugins.blocks.rope import rotate
from olmoearth_plugins.blocks.rows import Rows
from olmoearth_plugins.blocks.trunk import Trunk
from olmoearth_plugins.position_encodings.absolute import absolute


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_linear_layer_is_the_same_with_and_without_gradients():
    torch.manual_seed(0)
    layer, x = nn.Linear(24, 40), random(17, 24)
    plain = layer(x)
    for then, expected in {"none": plain, "relu": relu(plain), "gelu": gelu(plain)}.items():
        assert torch.equal(dense.dense(x, layer, then), expected)
        with torch.no_grad():
            torch.testing.assert_close(dense.dense(x, layer, then), expected, atol=1e-6, rtol=1e-6)


def test_hooks_and_adapters_of_a_linear_layer_are_never_skipped():
    class Adapter(nn.Linear):
        def forward(self, x):
            return super().forward(x) + 100

    layer, x = nn.Linear(3, 2), random(4, 3)
    with torch.no_grad():
        assert (dense.dense(x, Adapter(3, 2)) > 50).all()
        layer.register_forward_hook(lambda *_: torch.zeros(4, 2))
        assert (dense.dense(x, layer) == 0).all()


def test_a_layer_in_half_or_double_precision_works():
    with torch.no_grad():
        for dtype in (torch.bfloat16, torch.float64):
            assert dense.dense(random(4, 3).to(dtype), nn.Linear(3, 2, dtype=dtype)).dtype == dtype


def test_rotation_by_complex_numbers_is_rotation_by_pairs():
    features, angles = random(9, 4, 6), random(9, 4, 3, seed=1)
    cos, sin = angles.cos(), angles.sin()
    a, b = features[..., 0::2], features[..., 1::2]
    expected = torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).flatten(-2)
    torch.testing.assert_close(rotate(features, (cos, sin)), expected, atol=1e-6, rtol=1e-6)
    assert torch.equal(rotate(features.clone(), (cos, sin), overwrite=True), rotate(features, (cos, sin)))
    halves = rotate(features.bfloat16(), (cos, sin))
    assert halves.dtype == torch.bfloat16
    torch.testing.assert_close(halves.float(), expected, atol=0.05, rtol=0.05)


def test_rotation_may_be_shared_by_heads_and_passes_gradients():
    features = random(5, 3, 4).double().requires_grad_()
    angles = random(5, 1, 2, seed=1).double().requires_grad_()
    torch.autograd.gradcheck(lambda f, a: rotate(f, (a.cos(), a.sin())), (features, angles))
    found = rotate(features.float(), (angles.float().cos(), angles.float().sin()))
    torch.testing.assert_close(found.double(), rotate(features, (angles.cos(), angles.sin())), atol=1e-5, rtol=1e-5)


def block(width=16):
    torch.manual_seed(0)
    trunk = Trunk(
        width=width, heads=2, depth=1, mlp_ratio=4.0, positions=absolute(), attend=attend, drop_path=0.5, qk_norm=True
    )
    return Block(trunk).eval()


@pytest.mark.parametrize("lengths", [(5, 5), (3, 0, 7), (1500,)])
def test_a_block_is_the_same_with_and_without_gradients_and_leaves_its_input_alone(lengths):
    module, x = block(), random(sum(lengths), 16)
    rows, before = Rows(lengths, x.device), x.clone()
    expected = module(x, rows, None)
    with torch.no_grad():
        found = module(x, rows, None)
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=1e-5)
    assert torch.equal(x, before)


def test_drop_path_acts_in_training_even_without_gradients():
    module, x = block().train(), random(40, 16)
    with torch.no_grad():
        torch.manual_seed(1)
        first = module(x, Rows((1,) * 40, x.device), None)
        torch.manual_seed(2)
        assert not torch.equal(first, module(x, Rows((1,) * 40, x.device), None))


@pytest.mark.parametrize(("queries", "keys"), [(6, 6), (3, 900), (700, 5)])
def test_bfloat16_attention_is_attention(queries, keys):
    q, k, v = (random(2, n, 3, 8, seed=i).bfloat16() for i, n in enumerate((queries, keys, keys)))
    expected = scaled_dot_product_attention(*(x.float().transpose(1, 2) for x in (q, k, v))).transpose(1, 2)
    for shift in (0.0, 64.0):
        found = bf16_attention.attend(q, k + shift, v)
        assert found.dtype == torch.bfloat16
        shifted = scaled_dot_product_attention(*(x.float().transpose(1, 2) for x in (q, k + shift, v))).transpose(1, 2)
        assert (found.float() - shifted).pow(2).mean().sqrt() < 0.01 * shifted.pow(2).mean().sqrt()
    assert (found.float() - expected).abs().max() < 1


def test_ragged_batches_in_bfloat16_never_attend_to_padding(monkeypatch):
    monkeypatch.setattr(bf16_attention, "_products_only", lambda: True)
    for lengths in ((4, 4), (2, 6)):
        rows = Rows(lengths, torch.device("cpu"))
        q, k, v = (random(8, 2, 8, seed=i).bfloat16() for i in range(3))
        with torch.no_grad():
            found, expected = attend(q, k, v, rows, rows), written_out(q, k, v, rows, rows)
        torch.testing.assert_close(found.float(), expected.float(), atol=0.03, rtol=0.05)


@pytest.mark.parametrize("version", ["v1", "v1_1", "v1_2"])
def test_a_model_is_the_same_with_and_without_gradients(kit, version):
    recipe = kit.recipe(version, width=32, heads=2, depth=2)
    specs = modalities(["sentinel2_l2a", "sentinel1", "landsat"])
    encoder = kit.fill(recipe.encoder_config.build(specs, recipe.tokenization)).eval()
    for mixed in (False, True):
        batch = kit.batch(specs, recipe.tokenization.overrides, mixed=mixed)
        expected = encoder(batch, 2)
        batch.memo.clear()
        with torch.no_grad():
            found = encoder(batch, 2)
        torch.testing.assert_close(found.pooled, expected.pooled, atol=2e-6, rtol=1e-5)
        for name, tokens in expected.tokens.items():
            torch.testing.assert_close(found.tokens[name], tokens, atol=5e-6, rtol=1e-5)


def test_autocast_lowers_the_same_layers_with_and_without_gradients(kit):
    recipe = kit.recipe("v1_2", width=32, heads=2, depth=2)
    specs = modalities(["sentinel2_l2a"])
    encoder = kit.fill(recipe.encoder_config.build(specs, recipe.tokenization)).eval()
    batch = kit.batch(specs, recipe.tokenization.overrides)
    exact = encoder(batch, 4).tokens["sentinel2_l2a"].detach()
    with torch.autocast("cpu", torch.bfloat16):
        slow = encoder(batch, 4).tokens["sentinel2_l2a"].detach()
        with torch.no_grad():
            quick = encoder(batch, 4).tokens["sentinel2_l2a"]
    assert quick.dtype == slow.dtype == torch.float32
    for found in (slow, quick):
        assert 0 < (found - exact).pow(2).mean().sqrt() < 0.02 * exact.pow(2).mean().sqrt()
