"""Training as profile reference-2026.07 has it: optimizer anew in each segment, floor 1e-5, bfloat16 autocast.

Draws come from the global generator in the published order: head, then per segment one pair per epoch (a base seed and
the seed of the shuffle) and a base seed for the validation pass. Call it inside `torch.random.fork_rng`.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from olmoearth_plugins.probes.batches import Part
from olmoearth_plugins.probes.heads import Head
from olmoearth_plugins.probes.losses import Objective
from olmoearth_plugins.probes.problem import Recipe
from olmoearth_plugins.probes.schedule import UNSCALED_FLOOR, rate


def segments(head: Head, train: Part, recipe: Recipe, loss: Objective, device: str = "cpu") -> Iterator[int]:
    """Train `head` in place; yield the epochs done whenever a validation is due."""
    for start in range(0, recipe.epochs, recipe.eval_interval):
        stop = min(start + recipe.eval_interval, recipe.epochs)
        optimizer = torch.optim.AdamW(head.parameters(), lr=recipe.lr)
        head.train()
        for epoch in range(start, stop):
            _epoch(head, train, recipe, optimizer, loss, epoch, device)
        _draw()
        head.eval()
        yield stop


def reported(best_epoch: int, recipe: Recipe, evaluations: int) -> int:
    """Return which of the evaluations is reported: the last, or by a rule that is off if the interval leaves a rest."""
    return max(0, best_epoch // recipe.eval_interval - 1) if recipe.select_best else evaluations - 1


def _epoch(
    head: Head, train: Part, recipe: Recipe, optimizer: torch.optim.Optimizer, loss: Objective, epoch: int, device: str
) -> None:
    _draw()
    order = train.rows[torch.randperm(len(train), generator=torch.Generator().manual_seed(_draw()))]
    batches = torch.split(order, recipe.batch_size)
    for i, rows in enumerate(batches):
        features = train.features.index_select(0, rows).to(device)
        with torch.autocast(torch.device(device).type, dtype=torch.bfloat16):
            value = loss(head(features), train.labels.index_select(0, rows).to(device))
        value.backward()  # type: ignore[no-untyped-call]
        now = rate(epoch + i / len(batches), epochs=recipe.epochs, peak=recipe.lr, floor=UNSCALED_FLOOR)
        for group in optimizer.param_groups:
            group["lr"] = now
        optimizer.step()
        optimizer.zero_grad()


def _draw() -> int:
    return int(torch.empty((), dtype=torch.int64).random_())
