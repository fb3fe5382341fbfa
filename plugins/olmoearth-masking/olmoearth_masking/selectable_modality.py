"""Tokens are drawn independently, then each sample decodes some modalities whole or does without them."""

from __future__ import annotations

from olmoearth_core.interfaces.masking import Masking
from olmoearth_masking.choose_modalities import ChooseModalities, check_choice
from olmoearth_masking.legacy import legacy_masking
from olmoearth_masking.random import random
from olmoearth_masking.redraw import Redraw
from olmoearth_masking.role_options import check_ratios, metric_name

_NAME = "masking.selectable_modality.v1"


def selectable_modality(
    *,
    decodable_modalities: list[str],
    fully_mask_modalities: list[str],
    max_to_mask: int,
    encode_ratio: float = 0.5,
    decode_ratio: float = 0.5,
    legacy: bool = False,
) -> Masking:
    """Mask tokens at random, then hide a few modalities of each sample.

    decodable_modalities: may be hidden by decoding all of it.
    fully_mask_modalities: may be hidden by withholding it, as if the sample lacked it.
    max_to_mask: modalities of both lists that are hidden at most; a sample draws a number from 0 to this one.
    encode_ratio, decode_ratio: shares of the tokens of each other modality.
    legacy: draw as the reference does: one choice for the whole batch, and what is missing is decoded too.

    Raises:
        ConfigError: a ratio outside [0, 1], both above 1 together, a name given twice, or max_to_mask below 0.
    """
    check_ratios(_NAME, encode_ratio, decode_ratio)
    check_choice(_NAME, decodable_modalities, fully_mask_modalities, max_to_mask)
    if legacy:
        return legacy_masking(
            "selectable_modality",
            decodable_modalities=list(decodable_modalities),
            fully_mask_modalities=list(fully_mask_modalities),
            max_to_mask=max_to_mask,
            encode_ratio=encode_ratio,
            decode_ratio=decode_ratio,
        )
    inner = random(encode_ratio=encode_ratio, decode_ratio=decode_ratio)
    redraw = Redraw(encode_ratio, decode_ratio)
    names = tuple(decodable_modalities), tuple(fully_mask_modalities)
    return ChooseModalities(metric_name(_NAME), inner, *names, max_to_mask, redraw)
