"""Blocks compiled for padded samples, and blocks computed twice, give what plain blocks give."""

import copy
from dataclasses import replace

import pytest
import torch
import torch._dynamo

from olmoearth_core import modalities
from olmoearth_core.errors import ConfigError
from olmoearth_plugins.attentions.plain import plain
from olmoearth_plugins.blocks.block import Block
from olmoearth_plugins.blocks.compiled import checkpoint_blocks, compile_blocks

# torch's own tracer looks at .grad of tensors that are no leaves.
pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")
NAMES = ["sentinel2_l2a", "sentinel1", "srtm"]


class Counting:
    """A backend that compiles nothing and counts how often it is asked to."""

    def __init__(self):
        self.graphs = 0

    def __call__(self, graph, inputs):
        self.graphs += 1
        return graph.forward


class Kept(torch.autograd.graph.saved_tensors_hooks):
    """Counts the numbers that are kept for the backward pass."""

    def __init__(self):
        self.total = 0
        super().__init__(self.count, lambda tensor: tensor)

    def __enter__(self):
        super().__enter__()
        return self

    def count(self, tensor):
        self.total += tensor.numel()
        return tensor


@pytest.fixture(autouse=True)
def fresh():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def small(kit, version="v1_2"):
    recipe = kit.recipe(version, width=32, heads=2, depth=3)
    specs = modalities(NAMES)
    recipe.tokenization.overrides.pop("landsat", None)
    return kit.fill(recipe.build(specs)), specs, recipe.tokenization.overrides


def batches(kit, specs, overrides):
    """Ragged and even batches of seven sizes."""
    for samples, side, steps, mixed in [
        (2, 8, 3, True), (2, 8, 3, False), (2, 8, 2, False), (3, 16, 3, True), (2, 16, 4, True), (4, 8, 5, False),
        (5, 16, 3, True),
    ]:  # fmt: skip
        yield kit.batch(specs, overrides, samples=samples, side=side, steps=steps, mixed=mixed)


@pytest.mark.parametrize("version", ["v1", "v1_2"])
@pytest.mark.parametrize("train", [True, False])
def test_compiled_models_give_equal_numbers_and_are_not_compiled_for_every_batch(kit, version, train):
    model, specs, overrides = small(kit, version)
    model.train(train)
    plain_model, backend = copy.deepcopy(model), Counting()
    names = list(model.state_dict())
    assert compile_blocks(model, bucket=16, backend=backend) == 3 + 4 + 3
    assert list(model.state_dict()) == names
    for batch in batches(kit, specs, overrides):
        found, expected = model(batch, 4), plain_model(replace(batch, memo={}), 4)
        torch.testing.assert_close(found.pooled, expected.pooled, atol=1e-5, rtol=1e-5)
        for name, tokens in expected.decoded.tokens.items():
            torch.testing.assert_close(found.decoded.tokens[name], tokens, atol=1e-5, rtol=1e-5)
    assert 1 <= backend.graphs <= 4


def test_compiled_blocks_pass_equal_gradients_and_drop_whole_samples(kit):
    model, specs, overrides = small(kit)
    plain_model = copy.deepcopy(model)
    compile_blocks(model, bucket=16, backend="eager")
    batch = kit.batch(specs, overrides, mixed=True)
    for either in (model, plain_model):
        either.train()
        for block in either.modules():
            if isinstance(block, Block):
                block.drop_path.rate = 0.5
        torch.manual_seed(0)
        either(replace(batch, memo={}), 4).pooled.square().sum().backward()
    for (name, found), expected in zip(model.named_parameters(), plain_model.parameters(), strict=True):
        if expected.grad is not None:
            torch.testing.assert_close(
                found.grad, expected.grad, atol=1e-5, rtol=1e-4, msg=lambda m, n=name: f"{n}: {m}"
            )


def test_samples_without_tokens_and_batches_without_context_work_compiled(kit):
    model, specs, overrides = small(kit)
    plain_model = copy.deepcopy(model).eval()
    compile_blocks(model.eval(), bucket=8, backend="eager")
    batch = kit.batch(specs, overrides, mixed=True)
    for hidden in (slice(0, 1), slice(None)):
        for mask in batch.masks.values():
            mask[hidden] = torch.where(mask[hidden] == 0, 2, mask[hidden])
        found, expected = model(batch, 4), plain_model(replace(batch, memo={}), 4)
        for name, tokens in expected.decoded.tokens.items():
            assert tokens.isfinite().all()
            torch.testing.assert_close(found.decoded.tokens[name], tokens, atol=1e-5, rtol=1e-5)


def test_what_cannot_be_compiled_is_refused(kit):
    model, _, _ = small(kit)
    with pytest.raises(ConfigError, match="bucket is 0"):
        compile_blocks(model, bucket=0)
    model.encoder.blocks[1].attn.attend = plain()
    with pytest.raises(ConfigError, match=r"olmoearth\.sdpa\.v1"):
        compile_blocks(model)


@pytest.mark.parametrize("compiled", [False, True])
def test_checkpointed_blocks_pass_equal_gradients_and_keep_less(kit, compiled):
    kept, gradients = [], []
    for checkpointed in (False, True):
        model, specs, overrides = small(kit)
        batch = kit.batch(specs, overrides, mixed=True)
        if compiled:
            compile_blocks(model, bucket=16, backend="eager")
        if checkpointed:
            assert checkpoint_blocks(model) == 10
        for block in model.train().modules():
            if isinstance(block, Block):
                block.drop_path.rate = 0.5
        torch.manual_seed(0)
        with Kept() as numbers:
            out = model(batch, 4)
        (out.pooled.square().sum() + sum(t.square().sum() for t in out.decoded.tokens.values())).backward()
        kept.append(numbers.total)
        gradients.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    assert kept[1] < kept[0] / 2
    assert gradients[0].keys() == gradients[1].keys()
    for name, expected in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], expected, atol=1e-6, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_compiled_by_inductor_a_model_gives_equal_numbers(kit):
    model, specs, overrides = small(kit)
    plain_model = copy.deepcopy(model).eval()
    compile_blocks(model.eval(), bucket=16)
    for batch in batches(kit, specs, overrides):
        found, expected = model(batch, 4), plain_model(replace(batch, memo={}), 4)
        torch.testing.assert_close(found.pooled, expected.pooled, atol=1e-5, rtol=1e-5)
