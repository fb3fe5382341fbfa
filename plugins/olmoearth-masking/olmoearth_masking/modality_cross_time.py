"""Band groups are encoded or decoded as a choice per sample; inside them, the same dates in all patches."""

from __future__ import annotations

from olmoearth_masking.cross_options import TEMPORAL, crossed
from olmoearth_masking.time import time

modality_cross_time = crossed(
    "modality_cross_time",
    {"time": (time, TEMPORAL)},
    inside="the same dates",
    shares="dates that `time`",
    there="it is `modality_cross_space`, patches and all",
)
