"""Band groups are encoded or decoded as a whole choice per sample; inside them, tokens are drawn independently."""

from __future__ import annotations

from olmoearth_masking.cross_options import ALL, crossed
from olmoearth_masking.random import random

modality_cross_random = crossed(
    "modality_cross_random",
    {"random": (random, ALL)},
    inside="random tokens",
    shares="tokens that `random`",
)
