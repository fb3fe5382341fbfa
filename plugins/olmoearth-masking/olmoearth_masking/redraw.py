"""A sample without anything to encode, or without anything to decode, teaches nothing: it is masked anew at random.

Its tokens that may be encoded form one pool, over all modalities. Only where that pool has a single token, which is
then encoded, the tokens that may only be decoded are decoded.
"""

# B samples, N tokens of all modalities
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING
from olmoearth_core.interfaces.masking import Draw
from olmoearth_masking.by_lot import codes_of
from olmoearth_masking.counting import floor, rank


@dataclass(frozen=True)
class Redraw:
    """Ratios of the random mask that such a sample gets, at least one token each; a ratio of 0 asks for none."""

    encode_ratio: float
    decode_ratio: float

    def mask(self, masks: Mapping[str, Tensor], free: Mapping[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Return the masks with both roles in each sample that has two tokens for them.

        masks: codes by modality; what is MISSING stays so.
        free: whether the tokens of a modality may be encoded, bool [B] by modality.
        """
        codes_BN = torch.cat([mask.flatten(1) for mask in masks.values()], dim=1)
        lacks_B1 = self._lacks(codes_BN, ENCODE) | self._lacks(codes_BN, DECODE)
        if lacks_B1.device.type == "cpu" and not bool(lacks_B1.any()):  # elsewhere asking costs more than drawing
            return dict(masks)
        free_BN = torch.cat([free[name][:, None].expand(-1, mask[0].numel()) for name, mask in masks.items()], dim=1)
        lots_BN = torch.cat([draw(f"redraw/{name}", mask[0].numel()) for name, mask in masks.items()], dim=1)
        codes_BN = self._both(codes_BN, free_BN & (codes_BN != MISSING), lots_BN)
        flat = torch.split(codes_BN, [mask[0].numel() for mask in masks.values()], dim=1)
        return {name: part.reshape(mask.shape) for part, (name, mask) in zip(flat, masks.items(), strict=True)}

    def _both(self, codes_BN: Tensor, free_BN: Tensor, lots_BN: Tensor) -> Tensor:
        lacks_B1 = self._lacks(codes_BN, ENCODE) | self._lacks(codes_BN, DECODE)
        codes_BN = torch.where(lacks_B1 & free_BN, self._at_random(free_BN, lots_BN), codes_BN)
        rest_BN = ~free_BN & (codes_BN != MISSING)
        return codes_BN.masked_fill(self._lacks(codes_BN, DECODE) & rest_BN, DECODE)

    def _lacks(self, codes_BN: Tensor, code: int) -> Tensor:
        wanted = self.encode_ratio if code == ENCODE else self.decode_ratio
        return (codes_BN != code).all(1, keepdim=True) & bool(wanted)

    def _at_random(self, free_BN: Tensor, lots_BN: Tensor) -> Tensor:
        count_B = free_BN.sum(1)
        encode_B = floor(count_B, self.encode_ratio).clamp(min=1 if self.encode_ratio else 0)
        decode_B = floor(count_B, self.decode_ratio).clamp(min=1 if self.decode_ratio else 0)
        return codes_of(rank(lots_BN, free_BN), encode_B, decode_B)
