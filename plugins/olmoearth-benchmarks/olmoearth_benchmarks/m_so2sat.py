"""So2Sat LCZ42 as in GEO-Bench v1: 17 local climate zones, 32 x 32 pixels of 10 Sentinel-2 bands.

Reflectance is stored as fractions and multiplied by 10000. The radar channels are other products than those of our
modality and are left out.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v1.benchmark import Facts, component
from olmoearth_benchmarks.geobench_v1.collection import about

_FACTS = Facts(
    name="m_so2sat",
    dataset="m-so2sat",
    task_type="classification",
    primary_metric="accuracy",
    num_classes=17,
    factor=10_000.0,
    rules=(
        ("02 - Blue", "01 - Coastal aerosol"),
        ("08A - Vegetation Red Edge", "09 - Water vapour"),
        ("11 - SWIR", "10 - SWIR - Cirrus"),
    ),
    about=about(
        "m-so2sat",
        "classification",
        title="local climate zones of cities",
        licence="CC-BY-4.0",
        citation="So2Sat LCZ42: Zhu et al. 2020, arXiv:1912.12171",
    ),
)

m_so2sat = component(
    _FACTS, asks="Tell the local climate zone of a place: 17 classes, 19992 / 986 / 986 images of cities."
)
