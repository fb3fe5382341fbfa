"""Heads of fine-tuning, rates by layer, and which samples are used."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.evaluation import ALL
from olmoearth_core.testing.evaluators import ToyCase, ToyEncoder, toy
from olmoearth_plugins.probes.problem import Problem
from olmoearth_plugins.tuning import rates
from olmoearth_plugins.tuning.heads import head_of
from olmoearth_plugins.tuning.model import features_of
from olmoearth_plugins.tuning.portions import portions, truth_hash
from olmoearth_plugins.tuning.recipe import Recipe


def features(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_the_linear_head_of_classes_gives_one_value_per_class_and_pixel():
    head = head_of("linear", Problem("segmentation", 4, 3, (2, 2), (8, 8)))
    grid = features(1, 2, 2, 4)
    out = head(grid)
    assert out.shape == (1, 3, 8, 8)
    # Patch (1, 0), class 2, its pixel (3, 1): outputs are ordered class, row, column.
    expected = head.linear(grid[0, 1, 0])[2 * 16 + 3 * 4 + 1]
    torch.testing.assert_close(out[0, 2, 7, 1], expected)


def test_numbers_get_one_value_per_patch_resized_bilinearly():
    head = head_of("linear", Problem("regression", 4, 1, (2, 2), (8, 8)))
    grid = features(3, 2, 2, 4)
    assert head.linear.weight.shape == (1, 4)
    small = head.linear(grid).permute(0, 3, 1, 2)
    torch.testing.assert_close(head(grid), interpolate(small, (8, 8), mode="bilinear", align_corners=True)[:, 0])


@pytest.mark.parametrize(("task", "outputs", "shape"), [("scalar_regression", 1, (5,)), ("multilabel", 3, (5, 3))])
def test_whole_samples_get_a_linear_map_that_takes_a_batch_of_one(task, outputs, shape):
    head = head_of("linear", Problem(task, 4, outputs))
    assert [type(part) for part in head.children()] == [nn.Linear]
    assert head(features(5, 4)).shape == shape
    assert head(features(1, 4)).shape == (1, *shape[1:])


def test_the_unet_doubles_the_grid_up_to_the_label():
    head = head_of("unet", Problem("segmentation", 4, 3, (2, 2), (16, 16)))
    assert head(features(1, 2, 2, 4)).shape == (1, 3, 16, 16)
    assert sum(isinstance(part, nn.Upsample) for part in head.modules()) == 3
    assert head_of("unet", Problem("regression", 4, 1, (2, 2), (4, 4)))(features(1, 2, 2, 4)).shape == (1, 4, 4)
    with pytest.raises(ConfigError, match="per pixel"):
        head_of("unet", Problem("classification", 4, 3))


def three_layers():
    module = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    return ToyEncoder(module, 2, tuple(list(part.parameters()) for part in module))


def test_a_layer_learns_more_slowly_the_deeper_it_lies_below_the_head():
    """lr * decay ** depth: ELECTRA's layerwise decay."""
    tuned, head = three_layers(), nn.Linear(2, 1)
    optimizer = rates.optimizer_of(tuned, head, Recipe(lr=1.0, layer_decay=0.5))
    by_parameter = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert by_parameter[id(head.weight)] == 1.0
    assert [by_parameter[id(layer.weight)] for layer in tuned.module] == [0.125, 0.25, 0.5]


@pytest.mark.parametrize("decay", [None, 0.5])
def test_every_weight_is_optimised_once(decay):
    tuned, head = three_layers(), nn.Linear(2, 1)
    optimizer = rates.optimizer_of(tuned, head, Recipe(layer_decay=decay))
    met = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(met) == sorted(map(id, [*tuned.module.parameters(), *head.parameters()]))


@pytest.mark.parametrize(("resets", "expected"), [(False, [0.02, 0.01]), (True, [0.1, 0.05])])
def test_unfreezing_lowers_every_group(resets, expected):
    tuned = ToyEncoder.of(2, "cpu")
    recipe = Recipe(lr=1.0, layer_decay=0.5, resets_rate=resets)
    optimizer = rates.optimizer_of(tuned, nn.Linear(2, 1), recipe)
    plateau = rates.plateau_of(optimizer, "accuracy")
    for value in (0.5, 0.5, 0.5, 0.5):
        plateau.step(value)
    rates.lower(optimizer, recipe)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx(expected)


def test_the_plateau_waits_ten_epochs_after_a_cut_and_knows_errors():
    optimizer = rates.optimizer_of(ToyEncoder.of(2, "cpu"), nn.Linear(2, 1), Recipe(lr=1.0))
    plateau, found = rates.plateau_of(optimizer, "rmse"), []
    for value in [5.0, 4.0, 3.0] + [3.0] * 16:
        plateau.step(value)
        found.append(optimizer.param_groups[0]["lr"])
    assert found == pytest.approx([1.0] * 5 + [0.2] * 13 + [0.04])


@pytest.mark.parametrize(("fraction", "epochs", "frozen"), [(0.2, 50, 10), (0.2, 3, 1), (0.07, 100, 7), (0, 5, 0)])
def test_frozen_epochs_are_rounded_up(fraction, epochs, frozen):
    assert Recipe(epochs=epochs, frozen_fraction=fraction).frozen_epochs == frozen


class Wide:
    """Gives the mean of each sample, and the shapes it was called with."""

    def __init__(self):
        self.calls = []

    def __call__(self, samples):
        self.calls.append({sample.arrays["toy"].shape for sample in samples})
        return torch.tensor([[float(sample.arrays["toy"].mean())] for sample in samples])


def test_samples_of_unlike_shapes_are_encoded_apart_and_put_back_in_order():
    case, other = toy(1.0), ToyCase({"train": features(60, 2)}, {"train": np.zeros(60, int)})
    one, two = case.samples("train"), other.samples("train")
    mixed = [one[0], two[0], two[1], one[1]]
    tuned = Wide()
    found = features_of(tuned, [one.sample for one in mixed])
    assert [len(call) for call in tuned.calls] == [1, 1]
    assert found[:, 0].tolist() == pytest.approx([float(one.sample.arrays["toy"].mean()) for one in mixed])


def test_no_group_is_cut_and_every_sample_is_used_once():
    vectors = {ALL: features(30, 2)}
    groups = [f"g{i % 7}" for i in range(30)]
    case = ToyCase(vectors, {ALL: np.zeros(30, int)}, blocks={ALL: groups})
    cut = portions(case, seed=3)
    rows = [part.rows.tolist() for part in cut.values()]
    assert sorted(i for part in rows for i in part) == list(range(30))
    owners = [{groups[i] for i in part} for part in rows]
    assert sum(len(owner) for owner in owners) == len(set(groups))
    assert [part.rows.tolist() for part in portions(case, seed=3).values()] == rows
    with pytest.raises(DataError, match="groups"):
        portions(ToyCase(vectors, {ALL: np.zeros(30, int)}, blocks={ALL: ["a", "b"] * 15}), seed=3)


def test_other_labels_have_another_hash():
    case = toy(1.0)
    before = truth_hash(list(portions(case, seed=0).values()))
    assert before == truth_hash(list(portions(toy(2.0), seed=0).values()))
    case.truth["valid"][0] += 1
    assert before != truth_hash(list(portions(case, seed=0).values()))
