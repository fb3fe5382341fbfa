"""Each predicted token must pick its own target among those of the same sample, of all modalities together."""

from __future__ import annotations

from olmoearth_core.interfaces.loss import Loss
from olmoearth_plugins.losses.across_modalities import AcrossModalities
from olmoearth_plugins.losses.contrast import Rules
from olmoearth_plugins.losses.positive import positive


def patch_discrimination(*, tau: float = 0.1, pred2unit: bool = False, weight: float = 1.0) -> Loss:
    """Describe weight * mean over samples of the mean over tokens of 2 tau * -log softmax(p . t / tau)[own].

    Predictions p and targets t have length one; the softmax runs over all targets of the sample that are to be
    decoded. Samples without any do not count.

    tau: temperature; smaller looks more at the hardest negatives. weight: factor on the value.
    pred2unit: bring each channel of the predictions to mean 0 and deviation 1 over the batch first.

    Raises:
        ConfigError: a temperature that is not positive.
    """
    positive("patch_discrimination", tau=tau)
    return AcrossModalities("PatchDisc", Rules(tau), pred2unit, weight)
