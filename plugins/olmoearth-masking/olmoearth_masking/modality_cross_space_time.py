"""Band groups are encoded or decoded as a choice per sample; inside them, the same patches or the same dates.

A sample draws which of the two it is. With fewer than three dates it is always patches.
"""

from __future__ import annotations

from olmoearth_core.interfaces.masking import Masking
from olmoearth_masking.choice import Choice
from olmoearth_masking.cross_options import SPATIAL, TEMPORAL, Cross
from olmoearth_masking.role_options import metric_name
from olmoearth_masking.selection import Selection
from olmoearth_masking.space import space
from olmoearth_masking.time import time

_NAME = "masking.modality_cross_space_time.v1"


def modality_cross_space_time(
    *,
    encode_ratio: float = 0.5,
    decode_ratio: float = 0.5,
    allow_encoding_decoding_same_bandset: bool = False,
    min_encoded_bandsets: int | None = 2,
    max_encoded_bandsets: int | None = None,
    min_decoded_bandsets: int | None = None,
    max_decoded_bandsets: int | None = None,
    only_decode_modalities: list[str] | None = None,
    legacy: bool = False,
) -> Masking:
    """Select band groups for encoding and decoding, the same patches or dates inside each.

    encode_ratio, decode_ratio: shares of patches or dates that `space` and `time` would encode and decode.
    allow_encoding_decoding_same_bandset: whether one band group may do both. If not, what is not encoded is decoded.
    min_encoded_bandsets, max_encoded_bandsets: bounds of the number of encoded band groups, all numbers between being
        equally likely; at least 2, null = all that may be encoded (less one, if a group may not do both).
    min_decoded_bandsets, max_decoded_bandsets: the same for decoding; null = from 1 (if a group may do both) to all.
    only_decode_modalities: never encoded; null = none.
    legacy: select and draw as the reference does; there every group that is not encoded is decoded, and
        `only_decode_modalities` are encoded in a sample that has one or two groups.

    Raises:
        ConfigError: a ratio outside [0, 1], both ratios above 1 together, bounds that no sample can meet, or a modality
            named twice.
    """
    selection = Selection(
        allow_encoding_decoding_same_bandset,
        min_encoded_bandsets,
        max_encoded_bandsets,
        min_decoded_bandsets,
        max_decoded_bandsets,
    )
    cross = Cross(_NAME, encode_ratio, decode_ratio, selection, tuple(only_decode_modalities or ()))
    if legacy:
        return cross.legacy("modality_cross_space_time")
    by_space = space(encode_ratio=encode_ratio, decode_ratio=decode_ratio)
    by_time = time(encode_ratio=encode_ratio, decode_ratio=decode_ratio)
    parts = {"space": cross.on(by_space, SPATIAL), "time": cross.on(by_time, TEMPORAL)}
    return Choice(metric_name(_NAME), parts, (1.0, 1.0))
