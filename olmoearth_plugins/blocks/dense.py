"""Linear layers of a transformer, by the fastest kernel at hand.

Without gradients on a CPU that is oneDNN's, which takes the GELU along; elsewhere, and wherever a layer is more than
plain weights (hooks, adapters, quantised or sharded), it is the layer itself.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional


def resting(x: Tensor) -> bool:
    """Whether nobody wants gradients and a CPU does the work, so that results may be written over and over."""
    return x.device.type == "cpu" and not torch.is_grad_enabled() and not torch.compiler.is_compiling()


def dense(x: Tensor, layer: nn.Module, *, gelu: bool = False) -> Tensor:
    """Return layer(x) [..., D], with an exact GELU behind it on demand."""
    if _bare(x, layer):
        kind = "gelu" if gelu else "none"
        quick: Tensor = torch.ops.mkldnn._linear_pointwise(x, layer.weight, layer.bias, kind, [], "none")
        return quick
    found: Tensor = layer(x)
    return functional.gelu(found) if gelu else found


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
        x, weight, bias = torch.linspace(-1, 1, 6).view(2, 3), torch.linspace(-1, 1, 12).view(4, 3), torch.ones(4)
        try:
            found = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "gelu", [], "none")
        except (RuntimeError, TypeError):
            return False
        return torch.allclose(found, functional.gelu(functional.linear(x, weight, bias)), atol=1e-6)
