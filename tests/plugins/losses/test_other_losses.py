"""KoLeo, pixel reconstruction and cross entropy: the reference's numbers, and what they must survive."""

import pytest
import torch
from fixture import golden, tokens

from olmoearth_core.data.sample import Batch
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.loss import Pixels, Tokens
from olmoearth_plugins.losses.cross_entropy import cross_entropy
from olmoearth_plugins.losses.koleo import koleo
from olmoearth_plugins.losses.mae import mae

KOLEO, MAE = golden("olmoearth.koleo.v1"), golden("olmoearth.mae.v1.loss")
CLASSES = golden("olmoearth.cross_entropy.v1")


@pytest.mark.parametrize("case", KOLEO["cases"])
def test_golden_values_of_koleo_stay(case):
    rows = torch.tensor(case["rows"], dtype=torch.float32, requires_grad=True)
    value = koleo(**case["settings"])(rows)
    value.backward()
    assert value.item() == pytest.approx(case["value"], abs=1e-4)
    assert rows.grad.isfinite().all()
    if "gradient_norm" in case:
        assert rows.grad.norm().item() == pytest.approx(case["gradient_norm"], abs=1e-3)


@pytest.mark.parametrize("mode", ["instance", "patch"])
def test_koleo_leaves_out_what_was_not_encoded(mode):
    hidden = torch.tensor([[[1.0, 0]], [[0, 1.0]], [[torch.nan, 1.0]]], requires_grad=True)
    value = koleo(mode=mode)(tokens(hidden, [[0], [0], [2]]))
    value.backward()
    assert value.item() == pytest.approx(-0.034657, abs=1e-5)
    assert hidden.grad.isfinite().all()
    assert koleo(mode=mode)(tokens(hidden, [[2], [2], [2]])).item() == 0


def pixels(values, codes):
    values, codes = torch.tensor(values).reshape(1, 2, 2, 1, 1), torch.tensor(codes).reshape(1, 2, 2, 1, 1)
    ones = Batch({"a": torch.ones_like(values)}, {"a": codes}, torch.zeros(1, 1, 3))
    return Pixels({"a": values.requires_grad_()}, {"a": codes}), ones


@pytest.mark.parametrize("case", MAE["cases"])
def test_golden_values_of_mae_stay(case):
    predicted, target = pixels([2.0, 0, 0, 1], [2, 0, 1, 3])
    assert mae(**case["settings"])(predicted, target).item() == pytest.approx(case["value"], abs=1e-5)


def test_mae_without_anything_to_decode_is_a_zero_of_the_graph():
    predicted, target = pixels([2.0, 0, 0, 1], [0, 0, 1, 3])
    value = mae()(predicted, target)
    value.backward()
    assert value.item() == 0
    assert (predicted.tokens["a"].grad == 0).all()


def test_mae_counts_the_bands_of_the_groups_that_are_decoded_over_whole_patches():
    values = torch.zeros(1, 4, 4, 1, 3)
    truth, codes = torch.tensor([1.0, 2, 3]).expand(1, 4, 4, 1, 3), torch.tensor([[2, 0], [0, 0], [0, 2], [0, 0]])
    target = Batch({"a": truth}, {"a": codes.reshape(1, 2, 2, 1, 2)}, torch.zeros(1, 1, 3))
    predicted = Pixels({"a": values}, target.masks, groups={"a": ((0, 2), (1,))})
    assert mae(loss_function="L1Loss")(predicted, target).item() == pytest.approx((4 * (1 + 3) + 4 * 2) / 12)
    with pytest.raises(DataError, match="unknown"):
        mae()(Tokens({"a": values}, target.masks), target)


def test_options_that_mean_nothing_are_refused():
    for build, options in ((mae, {"beta": 0.1}), (mae, {"loss_function": "Nope"}), (koleo, {"mode": "x"})):
        with pytest.raises(ConfigError):
            build(**options)


def test_cross_entropy_takes_one_class_per_token_even_if_it_is_the_only_one():
    scores = [[[1, 0], [0, 1], [1, 1]], [[1, 0], [1, 0], [0, 2]]]
    classes = torch.tensor([[[0], [1], [0]], [[1], [0], [1]]])
    mask = [[2, 2, 0], [2, 2, 2]]
    predicted = tokens(scores, mask)
    target = Tokens({"worldcover": classes[:, :, None, None, None]}, predicted.masks)
    assert cross_entropy()(predicted, target).item() == pytest.approx(CLASSES["cases"][0]["value"], abs=1e-5)
    assert cross_entropy()(tokens(scores, [[2, 0, 0], [0] * 3]), target).item() == pytest.approx(0.313262, abs=1e-5)
    assert cross_entropy()(tokens(scores, [[0] * 3] * 2), target).item() == 0
