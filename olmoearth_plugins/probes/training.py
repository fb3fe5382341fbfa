"""Training of a probe in the default profile: one optimizer throughout, draws from a generator of its own.

Features are taken batch by batch from wherever they are; the head's weights, the loss and the optimizer are float32
even where the products are computed in bfloat16.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch

from olmoearth_core.errors import ConfigError, TrainingError
from olmoearth_plugins.probes.adamw import AdamW
from olmoearth_plugins.probes.batches import Feeder, Part, cut, shuffled
from olmoearth_plugins.probes.heads import Head
from olmoearth_plugins.probes.losses import Objective
from olmoearth_plugins.probes.problem import Problem, Recipe
from olmoearth_plugins.probes.schedule import floor_of, rate

PRECISIONS = ("auto", "float32", "bfloat16")


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
    if precision not in PRECISIONS:
        raise ConfigError(f'linear_probe: precision is "{precision}", expected one of {", ".join(PRECISIONS)}.')
    native = device.startswith("cuda") or torch.cpu._is_avx512_bf16_supported()
    half = precision == "bfloat16" or (precision == "auto" and problem.dense and native)
    return Place(device, torch.bfloat16 if half else torch.float32)


def epochs(head: Head, train: Part, recipe: Recipe, loss: Objective, seed: int, place: Place) -> Iterator[int]:
    """Train `head` in place; yield the epochs done whenever a validation is due.

    Raises:
        TrainingError: the loss is no number any more.
    """
    head.to(place.device)
    optimizer = AdamW(head.parameters())
    generator = torch.Generator().manual_seed(seed)
    feeder = Feeder(train.features, most=recipe.batch_size + 1, device=place.device, dtype=place.dtype)
    for epoch in range(recipe.epochs):
        last = _epoch(head, train, recipe, loss, optimizer, feeder, generator, epoch)
        if not last.isfinite():
            raise TrainingError(
                f"linear_probe: the loss is {float(last)} after epoch {epoch + 1} with lr = {recipe.lr:g}. Lower lr."
            )
        if (epoch + 1) % recipe.eval_interval == 0 or epoch + 1 == recipe.epochs:
            head.eval()
            yield epoch + 1


def outputs(head: Head, part: Part, size: int, place: Place) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield rows and float32 outputs on the CPU, [B,K,...] or [B,...] for numbers, batch by batch, in order."""
    feeder = Feeder(part.features, most=size, device=place.device, dtype=place.dtype)
    device = torch.device(place.device).type
    half = place.dtype == torch.bfloat16
    with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=half):
        for start, stop in pairwise([*range(0, len(part), size), len(part)]):
            rows = part.rows[start:stop]
            yield rows, head(feeder.take(rows)).float().cpu()


def _epoch(
    head: Head,
    train: Part,
    recipe: Recipe,
    loss: Objective,
    optimizer: AdamW,
    feeder: Feeder,
    generator: torch.Generator,
    epoch: int,
) -> torch.Tensor:
    """Return the loss of the last batch."""
    count = len(cut(len(train), recipe.batch_size)) - 1
    floor, value = floor_of(recipe.lr), torch.zeros(())
    for i, rows in enumerate(shuffled(train.rows, recipe.batch_size, generator)):
        # Batch norm has nothing to measure on a single sample.
        head.train(len(rows) > 1)
        features = feeder.take(rows)
        labels = head.arrange(train.labels.index_select(0, rows).to(features.device))
        with torch.autocast(features.device.type, torch.bfloat16, enabled=features.dtype == torch.bfloat16):
            found = head.quick(features)
        value = loss(found.float(), labels)
        gradients = torch.autograd.grad(value, optimizer.parameters)
        optimizer.step(gradients, rate(epoch + i / count, epochs=recipe.epochs, peak=recipe.lr, floor=floor))
    return value.detach()
