"""Clouds and their shadows as in GEO-Bench 2: four classes per pixel, 512 x 512 pixels.

Of 14 stored layers, the first twelve are bands; the others are products of the correction.
"""

from __future__ import annotations

from olmoearth_benchmarks.dense.images import TWELVE
from olmoearth_benchmarks.geobench_v2.benchmark import Facts, about, component
from olmoearth_benchmarks.geobench_v2.records import mask, still

_FACTS = Facts(
    slug="cloudsen12",
    task_type="segmentation",
    primary_metric="miou",
    label=mask(1, {}, 4),
    views={"sentinel2_l2a": still(0, TWELVE)},
    classes=("clear", "thick cloud", "thin cloud", "cloud shadow"),
    dated=True,
    about=about(
        "cloudsen12",
        title="clouds and their shadows",
        licence="CC0-1.0",
        citation="CloudSEN12+: Aybar et al. 2024, doi:10.1016/j.dib.2024.110852",
    ),
)

gb2_cloudsen12 = component(_FACTS, asks="Tell clear ground, thick and thin clouds, and their shadows, per pixel.")
