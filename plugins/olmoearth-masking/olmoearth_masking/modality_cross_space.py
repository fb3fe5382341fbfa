"""Band groups are encoded or decoded as a choice per sample; inside them, the same patches at all dates."""

from __future__ import annotations

from olmoearth_masking.cross_options import SPATIAL, crossed
from olmoearth_masking.space import space

modality_cross_space = crossed(
    "modality_cross_space",
    {"space": (space, SPATIAL)},
    inside="the same patches",
    shares="patches that `space`",
)
