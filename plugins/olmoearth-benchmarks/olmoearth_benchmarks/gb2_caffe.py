"""Fronts of glaciers as in GEO-Bench 2 (CaFFe): rock, glacier or sea, per pixel of a radar image.

Images are grey values of one channel, not decibels, so only statistics of this data set can scale them. They are
shown as co-polarised; the reference adds a cross-polarised channel of zeros.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v2.benchmark import Facts, about, component
from olmoearth_benchmarks.geobench_v2.records import mask, still
from olmoearth_core.interfaces.modality import Statistics

_FACTS = Facts(
    slug="caffe",
    task_type="segmentation",
    primary_metric="miou",
    label=mask(1, {0: -1, 1: 0, 2: 1, 3: 2}, 3),
    views={"sentinel1": still(0, ("vv",))},
    classes=("rock", "glacier", "ocean and ice melange"),
    dated=True,
    foreign={"sentinel1": "8-bit grey values"},
    statistics={"sentinel1": {"vv": Statistics(61.6042, 79.6141, 0.0, 255.0)}},
    about=about(
        "caffe",
        title="fronts of glaciers",
        licence="CC-BY-4.0",
        citation="CaFFe: Gourmelon et al. 2022, doi:10.5194/essd-14-4287-2022",
    ),
)

gb2_caffe = component(_FACTS, asks="Tell rock, glacier and sea, per pixel of a radar image.")
