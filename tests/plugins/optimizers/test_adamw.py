"""AdamW against its formula, and what it does with a step that is not finite."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from olmoearth_core.errors import ConfigError
from olmoearth_plugins.optimizers.adamw import adamw


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)).double()


def test_it_follows_the_formula_and_decays_every_weight():
    net, lr, decay, eps = model(), 1e-2, 0.1, 1e-8
    plain = [p.detach().clone() for p in net.parameters()]
    m, v = [torch.zeros_like(p) for p in plain], [torch.zeros_like(p) for p in plain]
    optimizer = adamw(lr=lr, weight_decay=decay).build(net.named_parameters())
    for step in range(1, 8):
        optimizer.zero_grad()
        net(torch.full((5, 3), float(step)).double()).square().mean().backward()
        for i, p in enumerate(net.parameters()):
            m[i] = 0.9 * m[i] + 0.1 * p.grad
            v[i] = 0.999 * v[i] + 0.001 * p.grad**2
            plain[i] *= 1 - lr * decay
            plain[i] -= lr * (m[i] / (1 - 0.9**step)) / ((v[i] / (1 - 0.999**step)).sqrt() + eps)
        optimizer.step()
    for p, expected in zip(net.parameters(), plain, strict=True):
        torch.testing.assert_close(p.detach(), expected, rtol=0, atol=1e-12)


def test_only_trained_weights_are_in_its_single_group():
    net = model()
    net[0].requires_grad_(False)
    optimizer = adamw(lr=0.5).build(net.named_parameters())
    assert [p.shape for group in optimizer.param_groups for p in group["params"]] == [
        p.shape for p in net[1].parameters()
    ]
    assert [group["initial_lr"] for group in optimizer.param_groups] == [0.5]


def test_biases_can_be_spared_the_decay():
    net = model()
    optimizer = adamw(lr=1.0, weight_decay=0.5, no_decay_1d=True).build(net.named_parameters())
    before = [p.detach().clone() for p in net.parameters()]
    for p in net.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    assert [g["weight_decay"] for g in optimizer.param_groups] == [0.5, 0.0]
    for p, old in zip(net.parameters(), before, strict=True):
        torch.testing.assert_close(p.detach(), old if p.dim() == 1 else 0.5 * old)


def test_found_inf_leaves_weights_moments_and_counters_alone():
    net = model()
    optimizer = adamw().build(net.named_parameters())
    net(torch.ones(1, 3).double()).sum().backward()
    optimizer.step()
    weights, state = copy.deepcopy(net.state_dict()), copy.deepcopy(list(optimizer.state.values()))
    next(net.parameters()).grad.fill_(float("nan"))
    optimizer.found_inf, optimizer.grad_scale = torch.ones(()), None
    optimizer.step()
    assert all(torch.equal(weights[k], v) for k, v in net.state_dict().items())
    assert all(torch.equal(a[k], b[k]) for a, b in zip(state, optimizer.state.values(), strict=True) for k in a)


def test_it_does_not_load_the_compiler():
    code = (
        "import sys, torch; from olmoearth_plugins.optimizers.adamw import adamw; n = torch.nn.Linear(2, 2); "
        "o = adamw().build(n.named_parameters()); o.zero_grad(); n(torch.ones(1, 2)).sum().backward(); o.step(); "
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("settings", [{"lr": -1.0}, {"betas": [0.9]}, {"betas": [0.9, 1.0]}, {"weight_decay": -0.1}])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ConfigError, match="adamw"):
        adamw(**settings)
