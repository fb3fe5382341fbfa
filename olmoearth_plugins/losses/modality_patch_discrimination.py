"""Each predicted token must pick its own target among those of the same sample and modality."""

from __future__ import annotations

from olmoearth_core.interfaces.loss import Loss
from olmoearth_plugins.losses.contrast import Rules
from olmoearth_plugins.losses.positive import positive
from olmoearth_plugins.losses.within_modalities import WithinModalities


def modality_patch_discrimination(
    *,
    tau: float = 0.1,
    pred2unit: bool = False,
    weight: float = 1.0,
    modality_weights: dict[str, float] | None = None,
) -> Loss:
    """Describe weight * sum over modalities of the mean over samples of the mean over tokens of 2 tau * CE.

    CE = -log softmax(p . t / tau)[own].

    Predictions p and targets t have length one; the softmax runs over the targets of the sample and modality that
    are to be decoded. Samples without any of a modality do not count in its mean.

    tau: temperature. weight: factor on the value.
    pred2unit: bring each channel of the predictions to mean 0 and deviation 1 over the batch's tokens of the modality.
    modality_weights: factors by modality, 1 where not named; a name that is not in the batch has no effect.

    Raises:
        ConfigError: a temperature that is not positive.
    """
    positive("modality_patch_discrimination", tau=tau)
    return WithinModalities("ModalityPatchDisc", Rules(tau), pred2unit, weight, dict(modality_weights or {}))
