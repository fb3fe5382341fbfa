"""The tokens of one modality that were to be predicted, gathered to the front of a small matrix."""

# B samples, N tokens, K most decoded tokens of a sample, D width
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.data.tokens import DECODE
from olmoearth_core.interfaces.loss import Tokens


@dataclass(frozen=True)
class Decoded:
    """Predictions and targets of one modality, float32 [B,K,D]; rows beyond a sample's count are not valid."""

    modality: str
    predicted: Tensor
    target: Tensor
    valid: Tensor


def decoded(predicted: Tokens, target: Tokens) -> Iterator[Decoded]:
    """Yield each modality that has something decoded; the masks of `predicted` decide.

    Without counts the device is asked once.
    """
    chosen = {name: (mask == DECODE).flatten(1) for name, mask in predicted.masks.items()}
    longest = _longest(predicted, chosen)
    for name, chosen_BN in chosen.items():
        if longest[name]:
            x_BND, y_BND = (t.tokens[name].flatten(1, -2) for t in (predicted, target))
            yield _gather(name, x_BND, y_BND, chosen_BN, longest[name])


def _longest(predicted: Tokens, chosen: dict[str, Tensor]) -> dict[str, int]:
    if predicted.counts is not None:
        return {name: max(predicted.counts.decode[name], default=0) for name in chosen}
    if not chosen:
        return {}
    most = torch.stack([c.sum(1).amax() for c in chosen.values()]).tolist()
    return dict(zip(chosen, map(int, most), strict=True))


def _gather(name: str, x_BND: Tensor, y_BND: Tensor, chosen_BN: Tensor, longest: int) -> Decoded:
    if longest == chosen_BN.shape[1]:
        return Decoded(name, x_BND.float(), y_BND.float(), chosen_BN)
    order_BK = torch.argsort((~chosen_BN).to(torch.uint8), dim=1, stable=True)[:, :longest]
    index_BKD = order_BK[..., None].expand(-1, -1, x_BND.shape[-1])
    return Decoded(
        name, x_BND.gather(1, index_BKD).float(), y_BND.gather(1, index_BKD).float(), chosen_BN.gather(1, order_BK)
    )
