"""Each predicted token must pick its own target among those of the same sample and modality.

Maps repeat themselves: targets that equal the own one are no negatives, and a sample in which some token has no
negative left says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.interfaces.loss import Loss, Tokens
from olmoearth_plugins.losses.by_sample import by_sample
from olmoearth_plugins.losses.contrast import Rules
from olmoearth_plugins.losses.decoded import Decoded, decoded, device_of, nothing
from olmoearth_plugins.losses.positive import positive


def modality_patch_discrimination_masked_negatives(
    *,
    tau: float = 0.1,
    pred2unit: bool = False,
    weight: float = 1.0,
    modality_weights: dict[str, float] | None = None,
    same_target_threshold: float = 0.999,
    mask_negatives_for_modalities: list[str] | None = None,
) -> Loss:
    """Describe weight * sum over modalities of the mean over samples of the mean over tokens of 2 tau * CE.

    CE = -log softmax(p . t / tau)[own].

    Predictions p and targets t have length one; the softmax runs over the targets of the sample and modality that
    are to be decoded, without those (other than the own) whose cosine with the own one is above the threshold.

    tau: temperature. weight: factor on the value.
    modality_weights: factors by modality, 1 where not named; a name that is not in the batch has no effect.
    pred2unit: bring each channel of the predictions to mean 0 and deviation 1 over the batch first.
    same_target_threshold: cosine above which two targets count as equal.
    mask_negatives_for_modalities: where equal targets are left out; null = everywhere.

    Raises:
        ConfigError: a temperature that is not positive.
    """
    positive("modality_patch_discrimination_masked_negatives", tau=tau)
    masked = None if mask_negatives_for_modalities is None else frozenset(mask_negatives_for_modalities)
    return _MaskedNegatives(tau, pred2unit, weight, dict(modality_weights or {}), same_target_threshold, masked)


@dataclass
class _MaskedNegatives:
    tau: float
    pred2unit: bool
    weight: float
    modality_weights: Mapping[str, float]
    threshold: float
    masked: frozenset[str] | None
    name: str = "ModalityPatchDiscMasked"

    def __call__(self, predicted: Tokens, target: Tokens) -> Tensor:
        """Compare predictions with targets at all places to be decoded."""
        with torch.autocast(device_of(predicted), enabled=False):
            return self.weight * sum(map(self._modality, decoded(predicted, target)), start=nothing(predicted))

    def _modality(self, part: Decoded) -> Tensor:
        masked = self.masked is None or part.modality in self.masked
        rules = Rules(self.tau, self.threshold if masked else None)
        return self.modality_weights.get(part.modality, 1.0) * by_sample(part, rules, pred2unit=self.pred2unit)
