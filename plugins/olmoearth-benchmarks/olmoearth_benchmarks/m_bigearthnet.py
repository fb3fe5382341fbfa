"""BigEarthNet as in GEO-Bench v1: which of 43 land covers an image shows, 120 x 120 pixels of 12 Sentinel-2 bands.

The papers speak of micro F1 and 19 classes; the files have 43, so that is what is scored.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v1.benchmark import Facts, component
from olmoearth_benchmarks.geobench_v1.collection import about

_FACTS = Facts(
    name="m_bigearthnet",
    dataset="m-bigearthnet",
    task_type="multilabel",
    primary_metric="f1",
    num_classes=43,
    rules=(("11 - SWIR", "10 - SWIR - Cirrus"),),
    about=about(
        "m-bigearthnet",
        "classification",
        title="land covers in Europe",
        licence="CDLA-Permissive-1.0",
        citation="BigEarthNet: Sumbul et al. 2019, arXiv:1902.06148",
    ),
)

m_bigearthnet = component(
    _FACTS, asks="Tell all land covers of an image: 43 classes, 20000 / 1000 / 1000 images over Europe."
)
