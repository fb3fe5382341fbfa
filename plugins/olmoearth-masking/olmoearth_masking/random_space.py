"""Each sample hides either whole patches or single tokens."""

from __future__ import annotations

from olmoearth_core.interfaces.masking import Masking
from olmoearth_masking.choice import Choice
from olmoearth_masking.legacy import legacy_masking
from olmoearth_masking.random import random
from olmoearth_masking.role_options import check_ratios, metric_name
from olmoearth_masking.space import space

_NAME = "masking.random_space.v1"


def random_space(*, encode_ratio: float = 0.5, decode_ratio: float = 0.5, legacy: bool = False) -> Masking:
    """Let each sample draw `masking.space.v1` or `masking.random.v1`, equally often.

    encode_ratio, decode_ratio: shares of patches or tokens, as in those two.
    legacy: draw as the reference does; there the coin is flipped for the whole batch.

    Raises:
        ConfigError: a ratio outside [0, 1], or both above 1 together.
    """
    check_ratios(_NAME, encode_ratio, decode_ratio)
    if legacy:
        return legacy_masking("random_space", encode_ratio=encode_ratio, decode_ratio=decode_ratio)
    parts = {
        "space": space(encode_ratio=encode_ratio, decode_ratio=decode_ratio),
        "random": random(encode_ratio=encode_ratio, decode_ratio=decode_ratio),
    }
    return Choice(metric_name(_NAME), parts, (1.0, 1.0))
