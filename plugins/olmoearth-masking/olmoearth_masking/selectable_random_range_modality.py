"""Tokens are drawn at ratios that each sample draws, then it decodes some modalities whole or does without them."""

from __future__ import annotations

from olmoearth_core.interfaces.masking import Masking
from olmoearth_masking.choose_modalities import ChooseModalities, check_choice
from olmoearth_masking.legacy import legacy_masking
from olmoearth_masking.random_range import random_range
from olmoearth_masking.redraw import Redraw
from olmoearth_masking.role_options import metric_name

_NAME = "masking.selectable_random_range_modality.v1"


def selectable_random_range_modality(
    *,
    decodable_modalities: list[str],
    fully_mask_modalities: list[str],
    max_to_mask: int,
    min_encode_ratio: float = 0.1,
    max_encode_ratio: float = 0.5,
    min_decode_ratio: float | None = None,
    max_decode_ratio: float | None = None,
    legacy: bool = False,
) -> Masking:
    """Mask tokens at random at varying ratios, then hide a few modalities of each sample.

    decodable_modalities: may be hidden by decoding all of it.
    fully_mask_modalities: may be hidden by withholding it, as if the sample lacked it.
    max_to_mask: modalities of both lists that are hidden at most; a sample draws a number from 0 to this one.
    min_encode_ratio, max_encode_ratio, min_decode_ratio, max_decode_ratio: as in `random_range`; a decode range of null
        means that what is not encoded is decoded.
    legacy: draw as the reference does; there what is missing is decoded too.

    Raises:
        ConfigError: ranges that `random_range` refuses, a name given twice, or max_to_mask below 0.
    """
    check_choice(_NAME, decodable_modalities, fully_mask_modalities, max_to_mask)
    inner = random_range(
        min_encode_ratio=min_encode_ratio,
        max_encode_ratio=max_encode_ratio,
        min_decode_ratio=min_decode_ratio,
        max_decode_ratio=max_decode_ratio,
    )
    if legacy:
        return legacy_masking(
            "selectable_random_range_modality",
            decodable_modalities=list(decodable_modalities),
            fully_mask_modalities=list(fully_mask_modalities),
            max_to_mask=max_to_mask,
            min_encode_ratio=min_encode_ratio,
            max_encode_ratio=max_encode_ratio,
            min_decode_ratio=min_decode_ratio,
            max_decode_ratio=max_decode_ratio,
        )
    encode = (min_encode_ratio + max_encode_ratio) / 2
    decode = 1 - encode
    if min_decode_ratio is not None and max_decode_ratio is not None:
        decode = (min_decode_ratio + max_decode_ratio) / 2
    redraw = Redraw(encode, decode)
    names = tuple(decodable_modalities), tuple(fully_mask_modalities)
    return ChooseModalities(metric_name(_NAME), inner, *names, max_to_mask, redraw)
