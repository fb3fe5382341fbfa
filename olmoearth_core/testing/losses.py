"""What a loss must do.

Token losses take two `Tokens`, pooled ones two matrices; the annotation of `predicted` says which. Targets annotated
as `ClassTokens` are class numbers. A regulariser, which needs one argument, has no right answer to be compared with.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING
from olmoearth_core.interfaces.loss import Tokens
from olmoearth_core.testing.samples import SAMPLES, mask_shape, normal, presence, specs, uniform
from olmoearth_core.testing.subject import NotApplicable, Subject

CHECKS = (
    "has_a_name",
    "is_a_finite_float32_scalar",
    "is_differentiable",
    "prefers_what_is_right",
    "does_not_depend_on_the_order_of_samples",
    "lives_with_nothing_to_decode",
    "lives_with_a_missing_modality",
)
WIDTH = 16


def has_a_name(subject: Subject) -> None:
    """Metrics are called after it."""
    assert isinstance(subject.product.name, str)
    assert subject.product.name


def is_a_finite_float32_scalar(subject: Subject) -> None:
    """Whatever the precision around it."""
    value = subject.product(*_pair(subject))
    assert value.shape == (), f"shape {tuple(value.shape)} instead of a scalar"
    assert value.dtype == torch.float32, f"{value.dtype} instead of float32"
    assert bool(value.isfinite()), f"value {float(value)}"


def is_differentiable(subject: Subject) -> None:
    """Every gradient is finite, and some of them are not zero."""
    predicted, target = _pair(subject)
    leaves = _map(predicted, lambda t: t.clone().requires_grad_())
    subject.product(leaves, target).backward()
    grads = [leaf.grad for leaf in _tensors(leaves) if leaf.grad is not None]
    assert grads, "no gradient reaches the predictions"
    assert all(bool(g.isfinite().all()) for g in grads), "a gradient is not finite"
    assert any(bool(g.any()) for g in grads), "all gradients are zero"


def prefers_what_is_right(subject: Subject) -> None:
    """A perfect prediction costs less than a random one."""
    predicted, target = _pair(subject)
    assert float(subject.product(_perfect(predicted, target), target)) < float(subject.product(predicted, target))


def does_not_depend_on_the_order_of_samples(subject: Subject) -> None:
    """Micro-batches are cut by stride: order must not matter."""
    predicted, target = _pair(subject)
    order = torch.arange(SAMPLES - 1, -1, -1)
    turned = subject.product(
        _map(predicted, lambda t: t[order], masks=True), _map(target, lambda t: t[order], masks=True)
    )
    torch.testing.assert_close(turned, subject.product(predicted, target), rtol=1e-4, atol=1e-5)


def lives_with_nothing_to_decode(subject: Subject) -> None:
    """A batch without targets gives a finite value that is still part of the graph."""
    predicted, target = _pair(subject)
    if not isinstance(predicted, Tokens):
        raise NotApplicable("a pooled loss has no mask")
    leaves = _map(predicted, lambda t: t.clone().requires_grad_())
    nothing = replace(leaves, masks={n: torch.where(m == DECODE, ENCODE, m) for n, m in predicted.masks.items()})
    value = subject.product(nothing, target)
    assert bool(value.isfinite()), f"value {float(value)}"
    assert value.requires_grad, "the value has left the graph: other ranks would wait for its gradient"


def lives_with_a_missing_modality(subject: Subject) -> None:
    """What is not there adds neither cost nor NaN."""
    predicted, target = _pair(subject)
    if not isinstance(predicted, Tokens):
        raise NotApplicable("a pooled loss has no modalities")
    gone = specs()[0].name
    masks = {n: torch.full_like(m, MISSING) if n == gone else m for n, m in predicted.masks.items()}
    value = subject.product(replace(predicted, masks=masks), replace(target, masks=masks))
    assert bool(value.isfinite()), f"value {float(value)}"


def _perfect(predicted: Any, target: Any) -> Any:
    if not isinstance(predicted, Tokens):
        return target
    classes = {n: t for n, t in target.tokens.items() if not t.is_floating_point()}
    scores = {n: torch.zeros_like(predicted.tokens[n]).scatter(-1, t, 10.0) for n, t in classes.items()}
    return replace(predicted, tokens={**target.tokens, **scores})


def _pair(subject: Subject) -> tuple[Any, Any]:
    parameters = list(inspect.signature(subject.product.__call__).parameters.values())
    if len([p for p in parameters if p.default is p.empty]) < 2:
        raise NotApplicable("a regulariser has no target")
    takes = str(parameters[0].annotation)
    if "Tokens" not in takes and "Tensor" not in takes:
        raise NotApplicable(f"annotate `predicted` as Tokens or Tensor to be checked (found {takes})")
    if "Tokens" not in takes:
        return normal((SAMPLES, WIDTH), "predicted"), normal((SAMPLES, WIDTH), "target")
    masks = {n: _mask(p, n) for n, p in presence().items()}
    shapes = {spec.name: (SAMPLES, *mask_shape(spec), WIDTH) for spec in specs()}
    predicted = Tokens({n: normal(shape, "predicted", n) for n, shape in shapes.items()}, masks)
    wanted = {n: normal(shape, "target", n) for n, shape in shapes.items()}
    if "ClassTokens" in str(parameters[1].annotation):
        wanted = {n: t.argmax(-1, keepdim=True) for n, t in wanted.items()}
    return predicted, Tokens(wanted, masks)


def _mask(present: Tensor, name: str) -> Tensor:
    code = torch.where(uniform(tuple(present.shape), "decode", name) < 0.6, DECODE, ENCODE)
    return torch.where(present, code, MISSING).to(torch.int8)


def _map(part: Any, change: Callable[[Tensor], Tensor], *, masks: bool = False) -> Any:
    if not isinstance(part, Tokens):
        return change(part)
    tokens = {name: change(t) for name, t in part.tokens.items()}
    return replace(part, tokens=tokens, masks={n: change(m) for n, m in part.masks.items()} if masks else part.masks)


def _tensors(part: Any) -> list[Tensor]:
    return list(part.tokens.values()) if isinstance(part, Tokens) else [part]
