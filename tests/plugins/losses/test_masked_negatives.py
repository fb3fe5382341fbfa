"""Patch discrimination with masked negatives: the reference's numbers, and what it must survive."""

import json
from pathlib import Path

import pytest
import torch

from olmoearth_core.data.sample import ViewCounts
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.loss import Tokens
from olmoearth_plugins.losses.patch_discrimination_masked_negatives import (
    modality_patch_discrimination_masked_negatives as masked_negatives,
)

NAME = "olmoearth.modality_patch_discrimination_masked_negatives.v1.json"
GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / NAME).read_text())


def tokens(values, mask, name="worldcover", counted=False):
    values = torch.as_tensor(values, dtype=torch.float32)
    masks = {name: torch.as_tensor(mask).reshape(*values.shape[:2], 1, 1, 1)}
    shaped = values.reshape(*values.shape[:2], 1, 1, 1, values.shape[-1])
    return Tokens({name: shaped}, masks, ViewCounts.of(masks) if counted else None)


@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda c: f"{c['value']}")
def test_golden_values_stay(case, counted):
    mask, targets = case.get("mask", GOLDEN["mask"]), case.get("targets", GOLDEN["targets"])
    loss = masked_negatives(**case["settings"])
    value = loss(tokens(GOLDEN["predictions"], mask, counted=counted), tokens(targets, mask))
    assert value.item() == pytest.approx(case["value"], abs=1e-5)


def test_golden_gradient_reaches_decoded_tokens_only():
    predicted = torch.tensor(GOLDEN["predictions"], dtype=torch.float32, requires_grad=True)
    masked_negatives()(tokens(predicted, GOLDEN["mask"]), tokens(GOLDEN["targets"], GOLDEN["mask"])).backward()
    assert predicted.grad.norm().item() == pytest.approx(GOLDEN["gradient_norm"], abs=1e-5)
    assert (predicted.grad[0, 2] == 0).all()


def test_the_mask_of_the_target_is_not_looked_at():
    predicted = tokens(GOLDEN["predictions"], GOLDEN["mask"])
    a, b = (masked_negatives()(predicted, tokens(GOLDEN["targets"], [[k] * 3] * 2)) for k in (0, 3))
    assert torch.equal(a, b)


@pytest.mark.parametrize(("count", "value"), [(3, 1.8159e-5), (1, 0.0)])
def test_orthonormal_predictions_that_equal_their_targets_cost_next_to_nothing(count, value):
    same = tokens(torch.eye(3)[None, :count], [[2] * count])
    assert masked_negatives()(same, same).item() == pytest.approx(value, abs=1e-7)


def test_identical_tokens_without_masking_cost_the_entropy_of_guessing():
    same = tokens(torch.ones(1, 3, 4), [[2, 2, 2]])
    assert masked_negatives(mask_negatives_for_modalities=[])(same, same).item() == pytest.approx(0.219722, abs=1e-6)


@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("mask", [[[0, 0, 0], [3, 3, 1]], [[2, 0, 0], [0, 0, 0]], [[2, 2, 2], [2, 0, 0]]])
def test_values_and_gradients_are_finite_with_few_or_no_tokens(mask, unit):
    predicted = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    targets = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(1))
    value = masked_negatives(pred2unit=unit)(tokens(predicted, mask), tokens(targets, mask))
    value.backward()
    assert value.isfinite()
    assert predicted.grad.isfinite().all()


def test_modalities_add_up_and_bfloat16_is_computed_in_float32():
    mask = GOLDEN["mask"]
    one = {n: tokens(GOLDEN["predictions"], mask, n) for n in ("worldcover", "srtm")}
    two = {n: tokens(GOLDEN["targets"], mask, n) for n in one}
    join = [
        Tokens({n: t.tokens[n].bfloat16() for n, t in s.items()}, {n: t.masks[n] for n, t in s.items()})
        for s in (one, two)
    ]
    value = masked_negatives()(*join)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(2 * 0.333344, abs=1e-5)


def test_a_batch_twice_costs_the_same():
    mask = GOLDEN["mask"]
    twice = [tokens(GOLDEN[k] * 2, mask * 2) for k in ("predictions", "targets")]
    assert masked_negatives()(*twice).item() == pytest.approx(0.333344, abs=1e-5)


def test_a_temperature_of_zero_is_refused():
    with pytest.raises(ConfigError, match="tau is 0"):
        masked_negatives(tau=0)
