"""What an objective must do, tried on a model of a few numbers that has every part an objective may ask for."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from olmoearth_core.testing.subject import Subject
from olmoearth_core.testing.tiny_model import TinyModel, tiny_batch

CHECKS = (
    "needs_one_or_two_views",
    "its_terms_have_names",
    "its_terms_are_finite_float32_scalars",
    "its_terms_are_part_of_the_graph",
    "it_seeds_every_view_in_order",
    "it_lives_with_nothing_to_decode",
    "its_aliases_name_metrics_that_there_are",
)


def needs_one_or_two_views(subject: Subject) -> None:
    """The loader makes no more."""
    assert subject.product.num_views in (1, 2), f"num_views is {subject.product.num_views}"


def its_terms_have_names(subject: Subject) -> None:
    """Each is recorded as train/loss/<name>."""
    names = list(_terms(subject))
    assert names, "there is no term, so nothing would be minimised"
    assert all(isinstance(name, str) and name for name in names), f"names are {names}"


def its_terms_are_finite_float32_scalars(subject: Subject) -> None:
    """Also under autocast: losses leave it."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = _terms(subject)
    for name, value in terms.items():
        assert value.shape == (), f"{name}: shape {tuple(value.shape)} instead of a scalar"
        assert value.dtype == torch.float32, f"{name}: {value.dtype} instead of float32"
        assert bool(value.isfinite()), f"{name}: value {value.item()}"


def its_terms_are_part_of_the_graph(subject: Subject) -> None:
    """Each can be differentiated, all together train the encoder, and the target is left alone."""
    model = TinyModel()
    _differentiable(model, _terms(subject, model))
    assert any(p.grad is not None and bool(p.grad.any()) for p in model.encoder.parameters()), "nothing trains"


def it_seeds_every_view_in_order(subject: Subject) -> None:
    """So that dropout is the same in a resumed run, on any number of ranks."""
    seen: list[int] = []
    _terms(subject, seen=seen)
    views = list(range(subject.product.num_views))
    # A model that takes both views at once is seeded once.
    assert seen in (views, views[:1]), f"seed_view was called with {seen}"


def it_lives_with_nothing_to_decode(subject: Subject) -> None:
    """Terms stay finite and in the graph: other ranks wait for this one's gradients."""
    model = TinyModel()
    terms = _terms(subject, model, decode=False)
    assert all(bool(value.isfinite()) for value in terms.values()), f"{terms}"
    _differentiable(model, terms)


def its_aliases_name_metrics_that_there_are(subject: Subject) -> None:
    """An alias of nothing would silently be left out."""
    there = {"train/loss", *(f"train/loss/{name}" for name in _terms(subject))}
    unknown = sorted(set(subject.product.aliases()) - there)
    assert not unknown, f"aliases of {unknown}, but the metrics are {sorted(there)}"


def _differentiable(model: nn.Module, terms: dict[str, Tensor]) -> None:
    outside = [name for name, value in terms.items() if not value.requires_grad]
    assert not outside, f"{outside} left the graph"
    torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
    grads = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert all(bool(g.isfinite().all()) for g in grads.values()), "a gradient is not finite"
    assert not any(name.startswith("target_encoder") for name in grads), "the target gets a gradient"


def _terms(
    subject: Subject, model: nn.Module | None = None, *, decode: bool = True, seen: list[int] | None = None
) -> dict[str, Tensor]:
    model = TinyModel() if model is None else model
    objective = subject.fresh()
    objective.attach(model)
    note = (lambda view: None) if seen is None else seen.append
    terms: dict[str, Tensor] = objective.terms(model, tiny_batch(objective.num_views, decode=decode), seed_view=note)
    return terms
