"""Training of a probe in the default profile: one optimizer throughout, draws from a generator of its own.

Features are taken batch by batch from wherever they are; the head's weights, the loss and the optimizer are float32
even where the products of a dense head are computed in bfloat16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from olmoearth_core.choice import one_of
from olmoearth_core.errors import TrainingError
from olmoearth_plugins.probes import vectors
from olmoearth_plugins.probes.adamw import AdamW
from olmoearth_plugins.probes.batches import Feeder, Part, cut, shuffled
from olmoearth_plugins.probes.heads import Head, VectorLinear
from olmoearth_plugins.probes.losses import slope
from olmoearth_plugins.probes.problem import Problem, Recipe
from olmoearth_plugins.probes.schedule import floor_of, rate

PRECISIONS = ("auto", "float32", "bfloat16")
Learn = Callable[[Iterator[Tensor], list[float]], None]
"""Goes through the batches of an epoch, given as rows, with a rate for each."""


@dataclass(frozen=True)
class Place:
    """Where and in which type products are computed."""

    device: str = "cpu"
    dtype: torch.dtype = torch.float32


def place_of(precision: str, problem: Problem, device: str) -> Place:
    """Return where to compute: "auto" is bfloat16 on dense tasks where the device multiplies it natively.

    Raises:
        ConfigError: no such precision.
    """
    one_of(precision, PRECISIONS, "linear_probe: precision")
    if device.startswith("cuda"):
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = torch.cpu._is_avx512_bf16_supported()
    half = problem.dense and (precision == "bfloat16" or (precision == "auto" and native))
    return Place(device, torch.bfloat16 if half else torch.float32)


def epochs(head: Head, train: Part, recipe: Recipe, seed: int, place: Place) -> Iterator[int]:
    """Train `head` in place; yield the epochs done whenever a validation is due.

    Raises:
        TrainingError: weights are no numbers any more.
    """
    head.to(place.device)
    generator = torch.Generator().manual_seed(seed)
    if isinstance(head, VectorLinear):
        learn = _vector_steps(head, train, recipe, place)
    else:
        learn = _dense_steps(head, train, recipe, place)
    count, floor = len(cut(len(train), recipe.batch_size)) - 1, floor_of(recipe.lr)
    for epoch in range(recipe.epochs):
        rates = [rate(epoch + i / count, epochs=recipe.epochs, peak=recipe.lr, floor=floor) for i in range(count)]
        learn(shuffled(train.rows, recipe.batch_size, generator), rates)
        if not all(bool(weights.isfinite().all()) for weights in head.parameters()):
            raise TrainingError(
                f"linear_probe: weights are no numbers after epoch {epoch + 1} with lr = {recipe.lr:g}. Lower lr, or "
                f"look for values in the features that are no numbers."
            )
        if (epoch + 1) % recipe.eval_interval == 0 or epoch + 1 == recipe.epochs:
            head.eval()
            yield epoch + 1


def outputs(head: Head, part: Part, size: int, place: Place) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield rows and float32 outputs on the CPU, [B,K,...] or [B,...] for numbers, batch by batch, in order."""
    feeder = Feeder(part.features, most=size, device=place.device, dtype=place.dtype)
    with torch.no_grad(), _autocast(place):
        for start, stop in pairwise([*range(0, len(part), size), len(part)]):
            rows = part.rows[start:stop]
            yield rows, head(feeder.take(rows)).float().cpu()


def _vector_steps(head: VectorLinear, train: Part, recipe: Recipe, place: Place) -> Learn:
    """Return what takes a step per batch, with gradients written out."""
    optimizer = AdamW(head.parameters())
    feeder = Feeder(train.features, most=vectors.most_rows(recipe.batch_size), device=place.device)

    @torch.no_grad()
    def learn(batches: Iterator[Tensor], rates: list[float]) -> None:
        for (x_BD, target_KB), lr in zip(vectors.normalised(head, feeder, train.labels, batches), rates, strict=True):
            optimizer.step(vectors.gradients(head, x_BD, target_KB), lr)

    return learn


def _dense_steps(head: Head, train: Part, recipe: Recipe, place: Place) -> Learn:
    """Return what takes a step per batch."""
    optimizer, slope_of = AdamW(head.parameters()), slope(head.problem, dice=recipe.dice)
    feeder = Feeder(train.features, most=recipe.batch_size + 1, device=place.device, dtype=place.dtype)

    def learn(batches: Iterator[Tensor], rates: list[float]) -> None:
        for rows, lr in zip(batches, rates, strict=True):
            with _autocast(place):
                found = head.quick(feeder.take(rows))
            labels = head.arrange(train.labels.index_select(0, rows).to(place.device))
            slopes = slope_of(found.detach().float(), labels).to(found.dtype)
            optimizer.step(torch.autograd.grad(found, optimizer.parameters, slopes), lr)

    return learn


def _autocast(place: Place) -> torch.autocast:
    half = place.dtype == torch.bfloat16
    return torch.autocast(torch.device(place.device).type, torch.bfloat16, enabled=half)
