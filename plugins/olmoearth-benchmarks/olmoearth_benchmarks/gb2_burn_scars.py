"""Scars of fires as in GEO-Bench 2: burnt or not, per pixel, in 512 x 512 pixels of 30 m.

Harmonised images (HLS) of six bands, stored as fractions.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v2.benchmark import Facts, about, component
from olmoearth_benchmarks.geobench_v2.records import mask, still

_FACTS = Facts(
    slug="burn_scars",
    task_type="segmentation",
    primary_metric="miou",
    label=mask(1, {}, 2),
    views={"sentinel2_l2a": still(0, ("B02", "B03", "B04", "B8A", "B11", "B12"), factor=10_000.0)},
    classes=("background", "burn scar"),
    about=about(
        "burn_scars",
        title="scars of fires in the United States",
        licence="CC-BY-4.0",
        citation="HLS Burn Scars: Phillips et al. 2023, doi:10.57967/hf/0956",
    ),
)

gb2_burn_scars = component(_FACTS, asks="Tell burnt from other ground, per pixel.")
