"""Predictions are scores of classes, targets are the classes' numbers."""

# n tokens to decode, C classes
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.loss import Loss, Tokens
from olmoearth_plugins.losses.decoded import decoded, device_of, nothing

ClassTokens = Tokens
"""Tokens whose last axis holds one score per class (predictions) or one class number (targets)."""


def cross_entropy() -> Loss:
    """Describe the mean over tokens of -log softmax(scores)[class], over all tokens to be decoded in the batch.

    Predictions end in an axis of one score per class, targets in an axis of length 1 with the integer class from 0.
    """
    return _CrossEntropy()


@dataclass
class _CrossEntropy:
    name: str = "CrossEntropy"

    def __call__(self, predicted: ClassTokens, target: ClassTokens) -> Tensor:
        """Compare scores with classes at all places to be decoded.

        Raises:
            DataError: targets that are not one class number per token.
        """
        with torch.autocast(device_of(predicted), enabled=False):
            parts, zero = list(decoded(predicted, target)), nothing(predicted)
            if not parts:
                return zero
            # Modalities may have different numbers of classes, so they cannot be joined.
            sums = [
                functional.cross_entropy(p.predicted, _classes(p.modality, p.target), reduction="sum") for p in parts
            ]
            return zero + torch.stack(sums).sum() / sum(len(part.target) for part in parts)


def _classes(modality: str, target: Tensor) -> Tensor:
    if target.shape[-1] != 1 or target.is_floating_point():
        raise DataError(
            f"olmoearth.cross_entropy.v1: the targets of {modality} are {target.dtype} with a last axis of "
            f"{target.shape[-1]}; expected an integer class number in a last axis of 1."
        )
    return target.squeeze(-1).long()
