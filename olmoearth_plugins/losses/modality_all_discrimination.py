"""Each predicted token must pick its own target among all tokens of its modality in the micro-batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.interfaces.loss import Loss, Tokens
from olmoearth_plugins.losses.contrast import Rules
from olmoearth_plugins.losses.decoded import decoded, device_of, nothing
from olmoearth_plugins.losses.everything import everything
from olmoearth_plugins.losses.positive import positive


def modality_all_discrimination(*, tau: float = 0.1, pred2unit: bool = False) -> Loss:
    """Describe the sum over modalities of 1/B * sum over samples of the mean over tokens of 2 tau * CE.

    CE = -log softmax(p . t / tau)[own].

    Predictions p and targets t have length one; the softmax runs over the targets of the modality, in all samples of
    the micro-batch, that are to be decoded. B counts all samples, also those without any.

    tau: temperature.
    pred2unit: bring each channel of the predictions to mean 0 and deviation 1 over the batch's tokens of the modality.

    Raises:
        ConfigError: a temperature that is not positive.
    """
    positive("modality_all_discrimination", tau=tau)
    return _ModalityAllDiscrimination(tau, pred2unit)


@dataclass
class _ModalityAllDiscrimination:
    tau: float
    pred2unit: bool
    name: str = "ModalityAllDisc"

    def __call__(self, predicted: Tokens, target: Tokens) -> Tensor:
        """Compare predictions with targets at all places to be decoded."""
        with torch.autocast(device_of(predicted), enabled=False):
            parts = decoded(predicted, target)
            values = (everything(part, Rules(self.tau), pred2unit=self.pred2unit) for part in parts)
            return sum(values, start=nothing(predicted))
