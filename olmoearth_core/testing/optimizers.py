"""What an optimizer recipe must do."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.optim import Optimizer

from olmoearth_core.testing.samples import normal
from olmoearth_core.testing.subject import Subject

CHECKS = (
    "groups_know_their_peak",
    "a_step_lowers_a_simple_loss",
    "frozen_parameters_stay",
    "its_state_can_be_restored",
)


def groups_know_their_peak(subject: Subject) -> None:
    """The schedule scales `initial_lr`."""
    groups = _optimizer(subject, _model()).param_groups
    assert all("initial_lr" in group for group in groups), "each group needs its peak rate as `initial_lr`"


def a_step_lowers_a_simple_loss(subject: Subject) -> None:
    """Twenty steps on a quadratic go down."""
    model = _model()
    losses = _train(model, _optimizer(subject, model), steps=20)
    assert losses[-1] < losses[0], f"from {losses[0]} to {losses[-1]}"


def frozen_parameters_stay(subject: Subject) -> None:
    """Target encoders are frozen by requires_grad."""
    model = _model()
    frozen = next(model.parameters()).requires_grad_(False)
    before = frozen.clone()
    _train(model, _optimizer(subject, model), steps=2)
    assert torch.equal(frozen, before)


def its_state_can_be_restored(subject: Subject) -> None:
    """A resumed run goes on exactly."""
    first, second = _model(), _model()
    one, two = _optimizer(subject, first), _optimizer(subject, second)
    _train(first, one, steps=3)
    second.load_state_dict(first.state_dict())
    two.load_state_dict(copy.deepcopy(one.state_dict()))  # torch would share its tensors
    assert _train(first, one, steps=3) == _train(second, two, steps=3)


def _model() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 1))
    for name, parameter in model.named_parameters():
        parameter.data = normal(tuple(parameter.shape), name)
    return model


def _optimizer(subject: Subject, model: nn.Module) -> Optimizer:
    optimizer: Optimizer = subject.product.build(model.named_parameters())
    for group in optimizer.param_groups:
        group["lr"] = 0.01
    return optimizer


def _train(model: nn.Module, optimizer: Optimizer, steps: int) -> list[float]:
    x, losses = normal((8, 4), "x"), []
    for _ in range(steps):
        loss = (model(x) - x.sum(1, keepdim=True)).square().mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses
