"""Gradients written out are those of the graph, and batches normalised together are normalised as torch does."""

import pytest
import torch

from olmoearth_plugins.probes.adamw import AdamW
from olmoearth_plugins.probes.batches import Feeder
from olmoearth_plugins.probes.heads import head_of
from olmoearth_plugins.probes.losses import objective
from olmoearth_plugins.probes.problem import Problem
from olmoearth_plugins.probes.vectors import gradients, most_rows, normalised

LABELS = {
    "classification": lambda n: torch.randint(0, 5, (n,)),
    "multilabel": lambda n: torch.randint(0, 2, (n, 5)),
    "scalar_regression": lambda n: torch.randn(n),
}


def started(kind):
    torch.manual_seed(0)
    head = head_of("linear", Problem(kind, 6, 1 if kind == "scalar_regression" else 5))
    with torch.no_grad():
        for weights in head.parameters():
            weights.add_(torch.randn_like(weights))
    return head


def batches(sizes):
    return iter(torch.randperm(sum(sizes), generator=torch.Generator().manual_seed(1)).split(sizes))


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("sizes", [[8] * 20 + [3], [8], [2, 2], [4, 4, 5]])
def test_each_step_is_the_step_of_the_graph(kind, sizes):
    features, labels = 3 + torch.randn(sum(sizes), 6), LABELS[kind](sum(sizes))
    plain, written = started(kind), started(kind)
    feeder = Feeder(features, most=most_rows(max(sizes)), device="cpu")
    first, second, loss = AdamW(plain.parameters()), AdamW(written.parameters()), objective(plain.problem)
    with torch.no_grad():
        for rows, (x, target) in zip(batches(sizes), normalised(written, feeder, labels, batches(sizes)), strict=True):
            with torch.enable_grad():
                wanted = torch.autograd.grad(loss(plain(features[rows]), labels[rows]), first.parameters)
            found = gradients(written, x, target)
            torch.testing.assert_close(found, wanted, atol=2e-5, rtol=2e-4)
            first.step(wanted, 0.01)
            second.step(wanted, 0.01)
    torch.testing.assert_close(written.norm.running_mean, plain.norm.running_mean)
    torch.testing.assert_close(written.norm.running_var, plain.norm.running_var)


def test_a_batch_of_one_is_normalised_by_the_running_statistics():
    features = torch.randn(1, 6)
    head = started("classification")
    ((x, _),) = normalised(head, Feeder(features, most=1, device="cpu"), torch.tensor([2]), iter([torch.tensor([0])]))
    torch.testing.assert_close(x, features, atol=1e-4, rtol=1e-4)
    assert torch.equal(head.norm.running_mean, torch.zeros(6))


def test_features_are_not_changed():
    features = torch.randn(8, 6)
    before = features.clone()
    list(normalised(started("classification"), Feeder(features, most=most_rows(4), device="cpu"),
                    torch.zeros(8, dtype=torch.long), batches([4, 4])))  # fmt: skip
    assert torch.equal(features, before)
