"""Brick kilns in Bangladesh as in GEO-Bench v1: is there one, 64 x 64 pixels of 13 Sentinel-2 bands."""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v1.benchmark import Facts, component
from olmoearth_benchmarks.geobench_v1.collection import about

_FACTS = Facts(
    name="m_brick_kiln",
    dataset="m-brick-kiln",
    task_type="classification",
    primary_metric="accuracy",
    num_classes=2,
    about=about(
        "m-brick-kiln",
        "classification",
        title="brick kilns in Bangladesh",
        licence="CC-BY-SA-4.0",
        citation="Brick kilns: Lee et al. 2021, doi:10.1073/pnas.2018863118",
    ),
)

m_brick_kiln = component(
    _FACTS,
    asks="Tell whether an image shows a brick kiln: 2 classes, 15063 / 999 / 999 images (the negatives are easy).",
)
