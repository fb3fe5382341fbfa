"""Crop types in South Africa as in GEO-Bench v1: 10 classes per pixel, 256 x 256 pixels of 12 Sentinel-2 bands.

The archive spells the folder m-SA-crop-type, others in lower case; both are found. Background is a class.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v1.benchmark import Facts, component
from olmoearth_benchmarks.geobench_v1.collection import about

_FACTS = Facts(
    name="m_sa_crop_type",
    dataset="m-SA-crop-type",
    task_type="segmentation",
    primary_metric="miou",
    num_classes=10,
    rules=(("11 - SWIR", "10 - SWIR - Cirrus"),),
    about=about(
        "m-SA-crop-type",
        "segmentation",
        title="crop types in South Africa",
        licence="CC-BY-4.0",
        citation="Crop types of the Western Cape, Radiant Earth Foundation 2021, doi:10.34911/rdnt.j0co8q",
    ),
)

m_sa_crop_type = component(_FACTS, asks="Map crop types: 10 classes, 3000 / 1000 / 1000 images of South Africa.")
