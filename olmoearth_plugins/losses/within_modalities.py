"""Patch discrimination within each modality: what the losses with all negatives and with masked ones share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from olmoearth_core.interfaces.loss import Tokens
from olmoearth_plugins.losses.by_sample import by_sample
from olmoearth_plugins.losses.contrast import Rules
from olmoearth_plugins.losses.decoded import Decoded, decoded, device_of, nothing


@dataclass
class WithinModalities:
    """The weighted sum over modalities of `by_sample`; fields as the factories document them.

    masked: modalities to which the threshold of the rules applies; None = all.
    """

    name: str
    rules: Rules
    pred2unit: bool
    weight: float
    modality_weights: Mapping[str, float]
    masked: frozenset[str] | None = None

    def __call__(self, predicted: Tokens, target: Tokens) -> Tensor:
        """Compare predictions with targets at all places to be decoded."""
        with torch.autocast(device_of(predicted), enabled=False):
            return self.weight * sum(map(self._modality, decoded(predicted, target)), start=nothing(predicted))

    def _modality(self, part: Decoded) -> Tensor:
        masked = self.masked is None or part.modality in self.masked
        rules = self.rules if masked else replace(self.rules, threshold=None)
        return self.modality_weights.get(part.modality, 1.0) * by_sample(part, rules, pred2unit=self.pred2unit)
