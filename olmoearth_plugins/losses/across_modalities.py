"""Patch discrimination among all tokens of a sample: what the plain loss and the one with weighed negatives share."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.interfaces.loss import Tokens
from olmoearth_plugins.losses.by_sample import by_sample
from olmoearth_plugins.losses.contrast import Rules
from olmoearth_plugins.losses.decoded import device_of, joined, nothing


@dataclass
class AcrossModalities:
    """`by_sample` of all modalities joined; fields as the factories document them."""

    name: str
    rules: Rules
    pred2unit: bool
    weight: float = 1.0

    def __call__(self, predicted: Tokens, target: Tokens) -> Tensor:
        """Compare predictions with targets at all places to be decoded."""
        with torch.autocast(device_of(predicted), enabled=False):
            part, zero = joined(predicted, target), nothing(predicted)
            if part is None:
                return zero
            return zero + self.weight * by_sample(part, self.rules, pred2unit=self.pred2unit)
