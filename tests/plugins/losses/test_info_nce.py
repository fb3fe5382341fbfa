"""InfoNCE: the reference's numbers, and samples of which nothing was seen."""

import json
from pathlib import Path

import pytest
import torch

from olmoearth_core.errors import ConfigError
from olmoearth_plugins.losses.info_nce import info_nce

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "olmoearth.info_nce.v1.json").read_text())


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda c: f"{c['value']}")
def test_golden_values_stay(case):
    a, b = (torch.tensor(case[k], dtype=torch.float32) for k in "ab")
    assert info_nce(**case["settings"])(a, b).item() == pytest.approx(case["value"], abs=1e-5)


def test_a_sample_of_which_nothing_was_seen_changes_nothing():
    a, b = torch.eye(2), torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    nothing = torch.zeros(1, 2)
    padded = info_nce()(torch.cat([a, nothing]), torch.cat([b, torch.ones(1, 2)]))
    assert padded.item() == pytest.approx(0.026462, abs=1e-5)


def test_only_empty_samples_give_a_zero_that_is_part_of_the_graph():
    a = torch.zeros(3, 4, requires_grad=True)
    value = info_nce()(a, torch.zeros(3, 4))
    value.backward()
    assert value.item() == 0
    assert a.grad.isfinite().all()


def test_bfloat16_is_computed_in_float32():
    value = info_nce()(torch.eye(2).bfloat16(), torch.eye(2).bfloat16())
    assert value.dtype == torch.float32


def test_a_temperature_of_zero_is_refused():
    with pytest.raises(ConfigError, match="tau is 0"):
        info_nce(tau=0.0)
