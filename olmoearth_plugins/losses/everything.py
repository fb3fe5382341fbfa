"""All tokens of the micro-batch against each other, yet every sample weighs the same: what the `all` losses share."""

# n tokens, D width
from __future__ import annotations

from torch import Tensor

from olmoearth_plugins.losses.contrast import Rules, contrast
from olmoearth_plugins.losses.decoded import Decoded
from olmoearth_plugins.losses.unit import standardise


def everything(part: Decoded, rules: Rules, *, pred2unit: bool) -> Tensor:
    """Contrast all tokens and return 2 tau times the sum over samples of their means, divided by all samples.

    pred2unit: standardise the channels of the predictions over all tokens of `part` first.
    """
    x_nD = standardise(part.predicted) if pred2unit else part.predicted
    value_R, _ = contrast(x_nD[None], part.target[None], equal(part, len(part.counts))[None], rules)
    return 2 * rules.tau * value_R.sum()


def equal(part: Decoded, samples: int) -> Tensor:
    """Return the weight of each token, [n], if `samples` samples share the weight 1 and each shares its own."""
    return part.per_token([1 / (count * samples) for count in part.samples])
