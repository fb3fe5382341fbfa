"""Linear layers of a transformer, by the fastest kernel at hand.

Without gradients on a CPU that is oneDNN's, which takes the activation along; elsewhere, and wherever a layer is more
than plain weights (hooks, adapters, quantised or sharded), it is the layer itself.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Activation = Literal["none", "gelu", "relu"]


def resting(x: Tensor) -> bool:
    """Whether nobody wants gradients and a CPU does the work, so that results may be written over and over."""
    return x.device.type == "cpu" and not torch.is_grad_enabled() and not torch.compiler.is_compiling()


def dense(x: Tensor, layer: nn.Module, then: Activation = "none") -> Tensor:
    """Return layer(x) [..., D], with an activation behind it; "gelu" is the exact one."""
    if _bare(x, layer):
        quick: Tensor = torch.ops.mkldnn._linear_pointwise(x, layer.weight, layer.bias, then, [], "none")
        return quick
    found: Tensor = layer(x)
    if then == "gelu":
        return functional.gelu(found)
    return functional.relu(found) if then == "relu" else found


def lowered(x: Tensor) -> Tensor:
    """Cast once to what autocast would cast every layer's input to; for when nobody wants gradients."""
    if torch.is_grad_enabled() or not torch.is_autocast_enabled(x.device.type):
        return x
    return x.to(torch.get_autocast_dtype(x.device.type))


def _bare(x: Tensor, layer: nn.Module) -> bool:
    return (
        resting(x)
        and type(layer) is nn.Linear
        and type(layer.weight) is nn.Parameter
        and x.dtype == layer.weight.dtype == torch.float32
        and not layer._forward_hooks
        and not layer._forward_pre_hooks
        and not torch.is_autocast_enabled("cpu")
        and _there()
    )


@cache
def _there() -> bool:
    """Whether this build of torch has the kernel, and it computes what it should."""
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    with torch.no_grad():
        x, weight, bias = torch.linspace(-1, 1, 6).view(2, 3), torch.linspace(-1, 1, 12).view(4, 3), torch.zeros(4)
        plain = functional.linear(x, weight, bias)
        expected = {"none": plain, "gelu": functional.gelu(plain), "relu": functional.relu(plain)}
        try:
            found = {k: torch.ops.mkldnn._linear_pointwise(x, weight, bias, k, [], "none") for k in expected}
        except (RuntimeError, TypeError):
            return False
        return all(torch.allclose(found[k], expected[k], atol=1e-6) for k in expected)
