"""Each predicted token should point where its target points."""

# N tokens, D width
from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from olmoearth_core.data.tokens import DECODE
from olmoearth_core.interfaces.loss import Loss, Tokens


def cosine_distance(*, weight: float = 1.0) -> Loss:
    """Mean over tokens of 1 - cos(prediction, target).

    weight: factor in front, for use beside other losses.
    """
    return _CosineDistance(weight)


class _CosineDistance:
    name = "cosine_distance"

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def __call__(self, predicted: Tokens, target: Tokens) -> Tensor:
        """Return the weighted mean, 0 and still part of the graph if there is nothing to decode."""
        names = list(predicted.tokens)
        predicted_ND = torch.cat([predicted.tokens[n].flatten(0, -2) for n in names]).float()
        target_ND = torch.cat([target.tokens[n].flatten(0, -2) for n in names]).float()
        decode_N = torch.cat([(predicted.masks[n] == DECODE).flatten() for n in names])
        with torch.autocast(predicted_ND.device.type, enabled=False):
            distance_N = 1 - cosine_similarity(predicted_ND, target_ND, dim=-1)
            # A mean over a fixed number of tokens: no device sync to learn how many are decoded.
            return self.weight * (distance_N * decode_N).sum() / decode_N.sum().clamp(min=1)
