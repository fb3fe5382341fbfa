"""Cashew plantations in Benin as in GEO-Bench v1: 7 classes per pixel, 256 x 256 pixels of 12 Sentinel-2 bands.

Polygons are coarse, so larger patches cost little. The cloud probability is left out. Background is a class.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v1.benchmark import Facts, component
from olmoearth_benchmarks.geobench_v1.collection import about

_FACTS = Facts(
    name="m_cashew_plant",
    dataset="m-cashew-plant",
    task_type="segmentation",
    primary_metric="miou",
    num_classes=7,
    rules=(("11 - SWIR", "10 - SWIR - Cirrus"),),
    about=about(
        "m-cashew-plant",
        "segmentation",
        title="cashew plantations in Benin",
        licence="CC-BY-4.0",
        citation="Smallholder cashew plantations in Benin: Jin et al. 2021, doi:10.34911/rdnt.hfv20i",
    ),
)

m_cashew_plant = component(_FACTS, asks="Map cashew plantations: 7 classes, 1350 / 400 / 50 images of Benin.")
