"""Losses that look at one pair of predicted and target token at a time, and count every token the same."""

# n tokens to decode, D width
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.interfaces.loss import Tokens
from olmoearth_plugins.losses.decoded import device_of, joined, nothing


@dataclass
class TokenMean:
    """compare: from predictions and targets, float32 [n,D] each, to their mean difference."""

    name: str
    compare: Callable[[Tensor, Tensor], Tensor]

    def __call__(self, predicted: Tokens, target: Tokens) -> Tensor:
        """Compare predictions with targets at all places to be decoded; 0 if there is none."""
        with torch.autocast(device_of(predicted), enabled=False):
            part, zero = joined(predicted, target), nothing(predicted)
            return zero if part is None else zero + self.compare(part.predicted, part.target)
