"""Each predicted token must pick its own target among all tokens of the micro-batch, of all samples and modalities."""

# n tokens to decode here, M keys
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.loss import Loss, Tokens
from olmoearth_plugins.losses.across_ranks import gather_rows, ranks
from olmoearth_plugins.losses.contrast import Rules, contrast
from olmoearth_plugins.losses.decoded import Decoded, device_of, joined, nothing
from olmoearth_plugins.losses.everything import equal, everything
from olmoearth_plugins.losses.positive import positive


def all_discrimination(*, tau: float = 0.1, pred2unit: bool = False, gather: bool = False) -> Loss:
    """Describe 1/B * sum over samples of the mean over tokens of 2 tau * -log softmax(p . t / tau)[own].

    Predictions p and targets t have length one; the softmax runs over all targets of the micro-batch that are to be
    decoded. B counts all samples, also those without any, so the value depends on the micro-batch.

    tau: temperature. pred2unit: bring each channel of the predictions to mean 0 and deviation 1 over the batch first.
    gather: take the targets of all processes as negatives (one exchange of sizes and one of targets per call); the
        mean over processes of values and of gradients is then that of one process with the joined micro-batches.
        Every process must call the loss equally often.

    Raises:
        ConfigError: a temperature that is not positive, or pred2unit together with gather.
    """
    positive("all_discrimination", tau=tau)
    if gather and pred2unit:
        raise ConfigError(
            "olmoearth.all_discrimination.v1: pred2unit and gather are both true, but the deviations are those of one "
            "process. Set one of them to false."
        )
    return _AllDiscrimination(tau, pred2unit, gather)


@dataclass
class _AllDiscrimination:
    tau: float
    pred2unit: bool
    gather: bool
    name: str = "AllDisc"

    def __call__(self, predicted: Tokens, target: Tokens) -> Tensor:
        """Compare predictions with targets at all places to be decoded."""
        with torch.autocast(device_of(predicted), enabled=False):
            part, zero = joined(predicted, target), nothing(predicted)
            if self.gather and ranks() > 1:
                return zero + self._gathered(part, target)
            return zero if part is None else zero + everything(part, Rules(self.tau), pred2unit=self.pred2unit)

    def _gathered(self, part: Decoded | None, target: Tokens) -> Tensor:
        """Contrast the own tokens with those of all processes."""
        some = next(iter(target.tokens.values()))
        own_nD = some.new_zeros((0, some.shape[-1]), dtype=torch.float32) if part is None else part.target
        keys_MD, real_M, first, samples = gather_rows(own_nD, samples=len(some))
        if part is None:
            # Its gradient, zero, keeps this process in the exchange of the others' gradients.
            return keys_MD.sum() * 0
        weight_n = equal(part, samples)
        rules = Rules(self.tau, first=first)
        value_R, _ = contrast(part.predicted[None], keys_MD[None], weight_n[None], rules, real_M[None])
        return ranks() * 2 * self.tau * value_R.sum()
