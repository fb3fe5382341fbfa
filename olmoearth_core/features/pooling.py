"""From tokens to features: means and maxima over what is visible, with or without the patch grid.

A position of the grid is the plain mean over the modalities that have a visible token *there*, each first averaged over
its own time steps and band groups. A modality that is absent at a position does not count at that position, so neither
a gap nor a batch mate moves a feature. `grid_mean_counting_gaps` is the exception, kept for old numbers.
"""

# B samples, H W patches, T steps, S band groups, G all band groups of all modalities, D width
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from olmoearth_core.choice import one_of
from olmoearth_core.data.tokens import ENCODE
from olmoearth_core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from olmoearth_core.interfaces.loss import Tokens

Pool = Callable[["Tokens"], Tensor]
POOLINGS = ("mean", "max", "center")


def pool_of(name: str, *, grid: bool, concat: bool = False, count_gaps: bool = False) -> Pool:
    """Return the pooling of a task: "mean", "max", or "center" (the patch in the middle, for labels of one pixel).

    grid: keep patches. concat: keep band groups apart as well. count_gaps: as `grid_mean_counting_gaps`.

    Raises:
        ConfigError: no such pooling, or one that makes no sense for the task.
    """
    one_of(name, POOLINGS, "pooling")
    if name == "center" and grid:
        raise ConfigError(
            'pooling: "center" keeps one patch of a sample, but this task has a label per patch or pixel.'
        )
    if concat:
        if not grid:
            raise ConfigError("a probe that weighs band groups needs a task with a label per patch or pixel.")
        return groups_apart
    spatial = {"max": max_grid}.get(name, grid_mean_counting_gaps if count_gaps else pool_grid)
    if name == "center":
        return lambda tokens: center(spatial(tokens))
    return spatial if grid else {"mean": pool_all, "max": max_all}[name]


def center(grid_BHWD: Tensor) -> Tensor:
    """Return the patch in the middle [B,D]; of an even number, the one right and below of it."""
    return grid_BHWD[:, grid_BHWD.shape[1] // 2, grid_BHWD.shape[2] // 2]


def pool_grid(tokens: Tokens) -> Tensor:
    """Return one vector per patch [B,H,W,D]; where nothing is visible it is zero.

    Raises:
        DataError: no spatial modality among the tokens.
    """
    means, seen = _means(tokens)
    return torch.stack(means).sum(0) / torch.stack(seen).sum(0).clamp(min=1)


def grid_mean_counting_gaps(tokens: Tokens) -> Tensor:
    """Return the mean over modalities [B,H,W,D] in which one that is absent at a place counts there as zeros.

    A modality counts if it is visible anywhere in the batch, so results depend on batch mates.
    """
    means, seen = _means(tokens)
    kept = [mean for mean, where in zip(means, seen, strict=True) if bool(where.any())]
    return torch.stack(kept or means).mean(0)


def pool_all(tokens: Tokens) -> Tensor:
    """Return one vector per sample [B,D]: the mean over all visible tokens, zero where there is none."""
    total: Tensor | float = 0.0
    count: Tensor | float = 0.0
    for name, token in tokens.tokens.items():
        visible = (tokens.masks[name] == ENCODE).unsqueeze(-1).to(token.dtype)
        total = total + (token * visible).flatten(1, -2).sum(1)
        count = count + visible.flatten(1, -2).sum(1)
    return torch.as_tensor(total / torch.as_tensor(count).clamp(min=1))


def max_all(tokens: Tokens) -> Tensor:
    """Return the largest value of each feature over all visible tokens [B,D], zero where there is none."""
    parts = [_hidden_low(tokens, name).flatten(1, -2) for name in tokens.tokens]
    return _finite(torch.cat(parts, dim=1).amax(1))


def max_grid(tokens: Tokens) -> Tensor:
    """Return the largest value of each feature per patch [B,H,W,D], zero where nothing is visible.

    Raises:
        DataError: no spatial modality among the tokens.
    """
    parts = [_hidden_low(tokens, name).amax((3, 4)) for name in _spatial(tokens)]
    return _finite(torch.stack(parts).amax(0))


def groups_apart(tokens: Tokens) -> Tensor:
    """Return the mean over visible time steps with band groups of all modalities side by side [B,H,W,G,D]."""
    parts = []
    for name in _spatial(tokens):
        visible = (tokens.masks[name] == ENCODE).unsqueeze(-1).to(tokens.tokens[name].dtype)
        parts.append((tokens.tokens[name] * visible).sum(3) / visible.sum(3).clamp(min=1))
    return torch.cat(parts, dim=3)


def _means(tokens: Tokens) -> tuple[list[Tensor], list[Tensor]]:
    """Return per spatial modality its mean over visible steps and groups [B,H,W,D], and where it has any [B,H,W,1]."""
    means, seen = [], []
    for name in _spatial(tokens):
        token = tokens.tokens[name]
        visible = (tokens.masks[name] == ENCODE).unsqueeze(-1).to(token.dtype)
        count = visible.sum((3, 4))
        means.append((token * visible).sum((3, 4)) / count.clamp(min=1))
        seen.append((count > 0).to(token.dtype))
    return means, seen


def _spatial(tokens: Tokens) -> list[str]:
    names = [name for name, token in tokens.tokens.items() if token.ndim == 6]
    if not names:
        raise DataError(f"A patch grid needs a spatial modality, but the tokens are of {list(tokens.tokens)}.")
    return names


def _hidden_low(tokens: Tokens, name: str) -> Tensor:
    hidden = (tokens.masks[name] != ENCODE).unsqueeze(-1)
    return tokens.tokens[name].masked_fill(hidden, -torch.inf)


def _finite(largest: Tensor) -> Tensor:
    return largest.masked_fill(largest == -torch.inf, 0.0)
