"""Each sample hides either whole patches or whole dates."""

from __future__ import annotations

from olmoearth_core.interfaces.masking import Masking
from olmoearth_masking.choice import Choice
from olmoearth_masking.legacy import legacy_masking
from olmoearth_masking.role_options import check_ratios, metric_name
from olmoearth_masking.space import space
from olmoearth_masking.time import time

_NAME = "masking.space_time.v1"


def space_time(*, encode_ratio: float = 0.5, decode_ratio: float = 0.5, legacy: bool = False) -> Masking:
    """Let each sample draw `masking.space.v1` or `masking.time.v1`, equally often; patches with fewer than three dates.

    encode_ratio, decode_ratio: shares of patches or dates, as in those two.
    legacy: draw as the reference does; there the coin is flipped for the whole batch.

    Raises:
        ConfigError: a ratio outside [0, 1], or both above 1 together.
    """
    check_ratios(_NAME, encode_ratio, decode_ratio)
    if legacy:
        return legacy_masking("space_time", encode_ratio=encode_ratio, decode_ratio=decode_ratio)
    parts = {
        "space": space(encode_ratio=encode_ratio, decode_ratio=decode_ratio),
        "time": time(encode_ratio=encode_ratio, decode_ratio=decode_ratio),
    }
    return Choice(metric_name(_NAME), parts, (1.0, 1.0))
