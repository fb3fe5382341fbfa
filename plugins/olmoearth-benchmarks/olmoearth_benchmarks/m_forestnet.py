"""ForestNet as in GEO-Bench v1: 12 causes of forest loss, 332 x 332 pixels of 6 Landsat 8 bands.

Values are brightness of a stretched 8-bit composite, not the digital numbers of our modality, so the statistics of
pretraining do not fit: set normalization = "dataset". Profile reference-2026.07 does not mind, and fills five bands.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v1.bands import LANDSAT8
from olmoearth_benchmarks.geobench_v1.benchmark import Facts, component
from olmoearth_benchmarks.geobench_v1.collection import about

_FACTS = Facts(
    name="m_forestnet",
    dataset="m-forestnet",
    task_type="classification",
    primary_metric="accuracy",
    num_classes=12,
    sensor=LANDSAT8,
    rules=(
        ("02 - Blue", "01 - Coastal aerosol"),
        ("07 - SWIR2", "09 - Cirrus"),
        ("07 - SWIR2", "10 - Tirs1"),
    ),
    foreign="brightness of an 8-bit composite",
    copies_scaled=True,
    about=about(
        "m-forestnet",
        "classification",
        title="causes of forest loss in Indonesia",
        licence="CC-BY-4.0",
        citation="ForestNet: Irvin et al. 2020, arXiv:2011.05479",
    ),
)

m_forestnet = component(_FACTS, asks="Tell why a forest was lost: 12 classes, 6464 / 989 / 993 images of Indonesia.")
