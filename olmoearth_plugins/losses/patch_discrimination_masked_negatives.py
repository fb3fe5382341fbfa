"""Each predicted token must pick its own target among those of the same sample and modality.

Maps repeat themselves: targets that equal the own one are no negatives, and a sample in which some token has no
negative left says nothing.
"""

from __future__ import annotations

from olmoearth_core.interfaces.loss import Loss
from olmoearth_plugins.losses.contrast import Rules
from olmoearth_plugins.losses.positive import positive
from olmoearth_plugins.losses.within_modalities import WithinModalities


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
    rules, weights = Rules(tau, same_target_threshold), dict(modality_weights or {})
    return WithinModalities("ModalityPatchDiscMasked", rules, pred2unit, weight, weights, masked)
