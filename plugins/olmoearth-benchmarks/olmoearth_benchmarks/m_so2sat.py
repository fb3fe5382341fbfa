"""So2Sat LCZ42 as in GEO-Bench v1: 17 local climate zones, 32 x 32 pixels of 10 Sentinel-2 bands.

Reflectance is stored as fractions and multiplied by 10000. The radar channels are other products than those of our
modality and are left out.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v1.benchmark import Facts, GeoBench
from olmoearth_benchmarks.geobench_v1.collection import about
from olmoearth_core.interfaces.evaluation import Benchmark

FACTS = Facts(
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


def m_so2sat(
    *,
    root: str | None = None,
    partition: str | None = None,
    label_fraction: float = 1.0,
    patch_size: int = 4,
    missing: str = "error",
) -> Benchmark:
    """Tell the local climate zone of a place: 17 classes, 19992 / 986 / 986 images of cities.

    root: folder of the collection or of this dataset, a path or URL; null = $GEOBENCH_DIR. partition: by name; null =
    the one of label_fraction, the share of training samples: 0.01, 0.02, 0.05, 0.1, 0.2, 0.5 or 1.0. patch_size:
    pixels of the 10 m grid. missing: "error" or "skip", for samples of the partition whose files are not there.
    """
    return GeoBench(
        facts=FACTS, root=root, partition=partition, label_fraction=label_fraction, patch_size=patch_size,
        missing=missing,
    )  # fmt: skip
