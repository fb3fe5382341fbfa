"""Each predicted token must pick its own target among those of the same sample and modality.

Maps repeat themselves: targets that equal the own one are no negatives, and a sample in which some token has no
negative left says nothing.
"""

# B samples, K decoded tokens of one modality, D width
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.loss import Loss, Tokens
from olmoearth_plugins.losses.decoded import Decoded, decoded
from olmoearth_plugins.losses.unit import standardise, unit


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

    tau: temperature. weight: factor on the value. modality_weights: factors by modality, 1 where not named.
    pred2unit: bring each channel of the predictions to mean 0 and deviation 1 over the batch first.
    same_target_threshold: cosine above which two targets count as equal.
    mask_negatives_for_modalities: where equal targets are left out; null = everywhere.

    Raises:
        ConfigError: a temperature that is not positive.
    """
    if not tau > 0:
        raise ConfigError(f"modality_patch_discrimination_masked_negatives: tau is {tau}; it must be above 0.")
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
        device = next(iter(predicted.masks.values())).device
        with torch.autocast(device.type, enabled=False):
            nothing = sum(t.flatten()[:0].float().sum() for t in predicted.tokens.values())
            terms = [
                self._modality(part) * self.modality_weights.get(part.modality, 1.0)
                for part in decoded(predicted, target)
            ]
            return self.weight * sum(terms, start=torch.as_tensor(nothing, device=device))

    def _modality(self, part: Decoded) -> Tensor:
        x_BKD = standardise(part.predicted, part.valid) if self.pred2unit else part.predicted
        t_BKD = unit(part.target)
        scores_BKK = unit(x_BKD) @ t_BKD.mT / self.tau
        own_KK = torch.eye(scores_BKK.shape[-1], dtype=torch.bool, device=scores_BKK.device)
        other_BKK = part.valid[:, None, :] & ~own_KK
        says_B = part.valid.any(1)
        if self.masked is None or part.modality in self.masked:
            negatives_BKK = other_BKK & ~(t_BKD.detach() @ t_BKD.detach().mT > self.threshold)
            helpless_BK = part.valid & other_BKK.any(-1) & ~negatives_BKK.any(-1)
            says_B, other_BKK = says_B & ~helpless_BK.any(1), negatives_BKK
        scores_BKK = scores_BKK.masked_fill(~(other_BKK | own_KK), -torch.inf)
        each_BK = torch.logsumexp(scores_BKK, dim=-1) - scores_BKK.diagonal(dim1=-2, dim2=-1)
        counted_BK = (part.valid & says_B[:, None]).float()
        mean_B = (each_BK * counted_BK).sum(1) / counted_BK.sum(1).clamp(min=1)
        return 2 * self.tau * mean_B.sum() / says_B.sum().clamp(min=1)
