"""Which tokens get which code when they draw lots, all samples at once.

A ratio is a share of the tokens that are there, rounded down. Where a modality has one token per band group and sample
(facts such as a position), rounding down would always give nothing; there the last token is rounded by lot.
"""

# B samples, N tokens
from __future__ import annotations

import torch
from torch import Tensor

from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, TARGET_ONLY
from olmoearth_core.interfaces.masking import Draw
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_masking.counting import floor, rank

Ratio = float | Tensor
"""A share, or one per sample [B]."""


def codes_of(place_BN: Tensor, encode_B: Tensor, decode_B: Tensor) -> Tensor:
    """Return codes int8 [B,N]: the first places are encoded, the next decoded, only the target sees the rest."""
    codes_BN = torch.full_like(place_BN, TARGET_ONLY, dtype=torch.int8)
    codes_BN = codes_BN.masked_fill(place_BN < (encode_B + decode_B)[:, None], DECODE)
    return codes_BN.masked_fill(place_BN < encode_B[:, None], ENCODE)


def at_random(there: Tensor, spec: ModalitySpec, encode: Ratio, decode: Ratio, draw: Draw) -> Tensor:
    """Return codes of one modality whose tokens are drawn independently, int8 shaped like `there`."""
    there_BN = there.flatten(1)
    count_B = there_BN.sum(1)
    place_BN = rank(draw(f"tokens/{spec.name}", there_BN.shape[1]), there_BN)
    if spec.kind == "static":
        lot_B = draw(f"rounding/{spec.name}", 1)[:, 0]
        encode_B = _by_lot(count_B, encode, lot_B)
        decode_B = _by_lot(count_B, encode + decode, lot_B) - encode_B
    else:
        encode_B, decode_B = floor(count_B, encode), floor(count_B, decode)
    return codes_of(place_BN, encode_B, decode_B).reshape(there.shape).masked_fill(~there, MISSING)


def shared_codes(there_BN: Tensor, encode: float, decode: float, lots_BN: Tensor, *, at_least: int = 0) -> Tensor:
    """Return codes that many tokens share, e.g. per patch or per date, int8 [B,N]; what is not there gets TARGET_ONLY.

    at_least: units of each role that a ratio above 0 gives where there are enough for both.
    """
    count_B = there_BN.sum(1)
    decode_B = floor(count_B, decode).clamp(min=at_least if decode else 0)
    encode_B = floor(count_B, encode).clamp(min=at_least if encode else 0)
    encode_B = torch.minimum(encode_B, (count_B - decode_B).clamp(min=0))
    return codes_of(rank(lots_BN, there_BN), encode_B, decode_B).masked_fill(~there_BN, TARGET_ONLY)


def _by_lot(count_B: Tensor, ratio: Ratio, lot_B: Tensor) -> Tensor:
    """Round count * ratio up or down by lot, so that the mean over samples is exact."""
    return torch.floor(count_B * ratio + lot_B.clamp(min=1e-6, max=1 - 1e-6)).long()
