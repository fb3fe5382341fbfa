"""Every loss on tokens: the reference's numbers and gradients, a naive loop, and what each must survive."""

import importlib

import pytest
import torch
from fixture import golden, tokens
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy, normalize

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.loss import Tokens

PATCH = ["patch_discrimination", "modality_patch_discrimination", "adjusted_patch_discrimination"]
DISCRIMINATION = [*PATCH, "all_discrimination", "modality_all_discrimination"]
NAMES = [*DISCRIMINATION, "l1", "l2", "cosine_similarity"]
FILES = [
    "olmoearth.patch_discrimination.v1",
    "olmoearth.modality_patch_discrimination.v1",
    "olmoearth.adjusted_patch_discrimination.v1",
    "olmoearth.all_discrimination.v1",
    "olmoearth.modality_all_discrimination.v1",
    "olmoearth.l1.v1",
    "olmoearth.l2.v1",
    "olmoearth.cosine_similarity.v1",
]
GOLDEN = {name: golden(file) for name, file in zip(NAMES, FILES, strict=True)}
CASES = [(name, case) for name in NAMES for case in GOLDEN[name]["cases"]]
NORMS = [(name, case) for name in NAMES for case in GOLDEN[name]["gradient_norms"]]
CALLED = ["PatchDisc", "ModalityPatchDisc", "AdjustedPatchDisc", "AllDisc", "ModalityAllDisc", "L1", "L2", "CosineSim"]
METRICS = dict(zip(NAMES, CALLED, strict=True))


def make(name, **options):
    return getattr(importlib.import_module(f"olmoearth_plugins.losses.{name}"), name)(**options)


def drawn(seed, modalities=("a", "b"), samples=3, places=5):
    random = torch.Generator().manual_seed(seed)
    masks = {m: torch.randint(0, 4, (samples, places, 1, 1, 1), generator=random) for m in modalities}
    x, y = ({m: torch.randn(*k.shape, 4, generator=random) for m, k in masks.items()} for _ in range(2))
    return Tokens({m: t.requires_grad_() for m, t in x.items()}, masks), Tokens(y, masks)


@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize(("name", "case"), CASES)
def test_golden_values_stay(name, case, counted):
    mask = case.get("mask", GOLDEN[name]["mask"])
    predicted, target = (tokens(GOLDEN[name][k], mask, counted=counted) for k in ("predictions", "targets"))
    loss = make(name, **case["settings"])
    assert loss.name == METRICS[name]
    assert loss(predicted, target).item() == pytest.approx(
        case["value"], abs=1e-4 if "mu" in case["settings"] else 1e-5
    )


@pytest.mark.parametrize(("name", "case"), NORMS)
def test_golden_gradients_stay(name, case):
    leaves = [
        torch.tensor(GOLDEN[name][k], dtype=torch.float32, requires_grad=True) for k in ("predictions", "targets")
    ]
    predicted, target = (tokens(leaf, GOLDEN[name]["mask"]) for leaf in leaves)
    make(name, **case["settings"])(predicted, target).backward()
    assert [leaf.grad.norm().item() for leaf in leaves] == pytest.approx(case["norms"], abs=1e-5)
    assert all((leaf.grad[0, 2] == 0).all() for leaf in leaves)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([0.0, 1e-3, 1.0, 1e4]))
def test_values_and_gradients_are_finite_and_zero_where_nothing_was_selected(name, seed, scale):
    predicted, target = drawn(seed)
    scaled = Tokens({m: t * scale for m, t in predicted.tokens.items()}, predicted.masks)
    value = make(name)(scaled, target)
    value.backward()
    assert value.isfinite()
    assert value.dtype == torch.float32
    for m, t in predicted.tokens.items():
        assert t.grad.isfinite().all()
        assert (t.grad[predicted.masks[m] != 2] == 0).all()


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_samples_does_not_matter(name, seed):
    predicted, target = drawn(seed)
    turned = [Tokens({m: t.flip(0) for m, t in p.tokens.items()}, {m: k.flip(0) for m, k in p.masks.items()})
              for p in (predicted, target)]  # fmt: skip
    loss = make(name)
    torch.testing.assert_close(loss(*turned), loss(predicted, target), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [*PATCH, "l1", "l2", "cosine_similarity"])
def test_a_batch_twice_costs_the_same(name):
    predicted, target = drawn(3)
    twice = [Tokens({m: t.repeat(2, 1, 1, 1, 1, 1) for m, t in p.tokens.items()},
                    {m: k.repeat(2, 1, 1, 1, 1) for m, k in p.masks.items()}) for p in (predicted, target)]  # fmt: skip
    torch.testing.assert_close(make(name)(*twice), make(name)(predicted, target))


def naive(x, y):
    """2 tau CE of every row of two matrices."""
    scores = normalize(x, dim=-1) @ normalize(y, dim=-1).T / 0.1
    return 0.2 * cross_entropy(scores, torch.arange(len(x)), reduction="none")


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
@pytest.mark.parametrize("per_modality", [False, True])
def test_patch_losses_and_their_gradients_equal_a_loop_whatever_the_chunk(per_modality, chunk, monkeypatch):
    monkeypatch.setitem(importlib.import_module("olmoearth_plugins.losses.contrast").CHUNK, "cpu", chunk)
    predicted, target = drawn(5)
    groups = [("a",), ("b",)] if per_modality else [("a", "b")]
    total = 0
    for group in groups:
        means = []
        for b in range(3):
            rows = [torch.cat([p.tokens[m][b][predicted.masks[m][b] == 2] for m in group]) for p in (predicted, target)]
            means += [naive(*rows).mean()] if len(rows[0]) else []
        total = total + torch.stack(means).mean()
    leaves = list(predicted.tokens.values())
    expected = torch.autograd.grad(total, leaves)
    value = make("modality_patch_discrimination" if per_modality else "patch_discrimination")(predicted, target)
    torch.testing.assert_close(value, total)
    torch.testing.assert_close(torch.autograd.grad(value, leaves), expected)


@pytest.mark.parametrize("name", PATCH)
def test_a_perfect_prediction_costs_next_to_nothing_and_guessing_the_entropy(name):
    right, same, single = (
        tokens(v, [[2] * len(v[0])]) for v in (torch.eye(3)[None], torch.ones(1, 3, 4), torch.ones(1, 1, 4))
    )
    assert make(name)(right, right).item() == pytest.approx(1.8159e-5, abs=1e-7)
    assert make(name)(same, same).item() == pytest.approx(0.219722, abs=1e-6)
    assert make(name)(single, single).item() == 0


@pytest.mark.parametrize("name", DISCRIMINATION)
def test_standardising_one_token_stays_finite(name):
    predicted = torch.ones(1, 2, 3, requires_grad=True)
    value = make(name, pred2unit=True)(tokens(predicted, [[2, 0]]), tokens(torch.ones(1, 2, 3), [[2, 0]]))
    value.backward()
    assert value.item() == 0
    assert predicted.grad.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_low_precision_inputs_and_autocast_are_computed_in_float32(name):
    predicted, target = (
        tokens(torch.tensor(GOLDEN[name][k]).bfloat16(), GOLDEN[name]["mask"]) for k in ("predictions", "targets")
    )
    with torch.autocast("cpu", torch.bfloat16):
        value = make(name)(predicted, target)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(GOLDEN[name]["cases"][0]["value"], abs=1e-5)


@pytest.mark.parametrize("name", DISCRIMINATION)
def test_a_temperature_of_zero_is_refused(name):
    with pytest.raises(ConfigError, match="tau is 0"):
        make(name, tau=0)
