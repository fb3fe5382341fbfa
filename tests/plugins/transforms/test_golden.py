"""A version promises its numbers: sums over the made-up pixels of the conformance kit."""

import json
from pathlib import Path

import pytest
import torch

from olmoearth_core.kinds import registry
from olmoearth_core.testing.samples import draws
from olmoearth_core.testing.transforms import pixels, specs

FOLDER = Path(__file__).parents[2] / "golden"
FILES = (
    "olmoearth.band_dropout.v1.json",
    "olmoearth.band_subsampling.v1.json",
    "olmoearth.chain.v1.json",
    "olmoearth.cutmix.v1.json",
    "olmoearth.flip_and_rotate.v1.json",
    "olmoearth.mixup.v1.json",
    "olmoearth.time_subsampling.v1.json",
)
CASES = [
    (file.removesuffix(".json"), case) for file in FILES for case in json.loads((FOLDER / file).read_text())["cases"]
]


def weighted(tensor):
    """Sum of a tensor in which every place has another weight."""
    flat = tensor.double().flatten()
    return float((flat * torch.cos(torch.arange(len(flat), dtype=torch.float64))).sum())


def numbers(component, case):
    made = registry.resolve({"it": {"@transforms": component, **case["settings"]}})["it"].apply(
        pixels(case["seed"]), specs(), draws(case["seed"])
    )
    values = {name: [weighted(a), int(made.presence[name].sum())] for name, a in made.arrays.items()}
    return {**values, "timestamps": [weighted(made.timestamps), made.timestamps.shape[1]]}


@pytest.mark.parametrize(("component", "case"), CASES, ids=[f"{c}-{case['seed']}" for c, case in CASES])
def test_golden_values_stay(component, case):
    found = numbers(component, case)
    assert list(found) == list(case["sums"])
    for name, (value, count) in case["sums"].items():
        assert found[name][0] == pytest.approx(value, rel=1e-4, abs=1e-3), name
        assert found[name][1] == count, name


def test_every_transform_of_batches_has_golden_numbers():
    names = [n for n, c in registry.transforms.components().items() if c.distribution == "olmoearth"]
    assert [f"{name}.json" for name in names] == list(FILES)
