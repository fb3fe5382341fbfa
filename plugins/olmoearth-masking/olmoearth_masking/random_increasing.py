"""Every token draws for itself; ever fewer are encoded and ever more decoded as the run goes on."""

from __future__ import annotations

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.masking import Masking
from olmoearth_masking.legacy import legacy_masking
from olmoearth_masking.random import random
from olmoearth_masking.ratios import Adjustable
from olmoearth_masking.role_options import check_ratios, metric_name
from olmoearth_masking.schedule import Scheduled

_NAME = "masking.random_increasing.v1"


def random_increasing(
    *,
    initial_encode_ratio: float = 0.5,
    final_encode_ratio: float = 0.1,
    initial_decode_ratio: float = 0.5,
    final_decode_ratio: float = 0.9,
    steps: int = 1000,
    legacy: bool = False,
) -> Masking:
    """Mask tokens at random, at ratios that move along a line with the number of the batch.

    initial_encode_ratio, initial_decode_ratio: where the line begins, one step before the first batch.
    final_encode_ratio, final_decode_ratio: from batch `steps` on. steps: batches over which the ratios move.
    legacy: draw as the reference does. Its count of batches was each worker's own; here it is the run's, too.

    Raises:
        ConfigError: a ratio outside [0, 1], two above 1 together, or no steps.
    """
    check_ratios(_NAME, initial_encode_ratio, initial_decode_ratio)
    check_ratios(_NAME, final_encode_ratio, final_decode_ratio)
    if steps < 1:
        raise ConfigError(f"{_NAME}: steps is {steps}; ratios need at least 1 step to move.")
    if legacy:
        return legacy_masking(
            "random_increasing", initial_encode_ratio=initial_encode_ratio, final_encode_ratio=final_encode_ratio,
            initial_decode_ratio=initial_decode_ratio, final_decode_ratio=final_decode_ratio, steps=steps,
        )  # fmt: skip
    start = random(encode_ratio=initial_encode_ratio, decode_ratio=initial_decode_ratio)
    assert isinstance(start, Adjustable)
    return Scheduled(metric_name(_NAME), start, final_encode_ratio, final_decode_ratio, steps)
