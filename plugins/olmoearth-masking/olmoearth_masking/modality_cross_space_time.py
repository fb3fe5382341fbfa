"""Band groups are encoded or decoded as a choice per sample; inside them, the same patches or the same dates.

A sample draws which of the two it is. With fewer than three dates it is always patches.
"""

from __future__ import annotations

from olmoearth_masking.cross_options import SPATIAL, TEMPORAL, crossed
from olmoearth_masking.space import space
from olmoearth_masking.time import time

modality_cross_space_time = crossed(
    "modality_cross_space_time",
    {"space": (space, SPATIAL), "time": (time, TEMPORAL)},
    inside="the same patches or dates",
    shares="patches or dates that `space` and `time`",
)
