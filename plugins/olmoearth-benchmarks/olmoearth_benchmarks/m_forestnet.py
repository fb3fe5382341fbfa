"""ForestNet as in GEO-Bench v1: 12 causes of forest loss, 332 x 332 pixels of 6 Landsat 8 bands.

Values are brightness of a stretched 8-bit composite, not the digital numbers of our modality, so the statistics of
pretraining do not fit: set normalization = "dataset". Profile reference-2026.07 does not mind, and fills five bands.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v1.bands import LANDSAT8
from olmoearth_benchmarks.geobench_v1.benchmark import Facts, GeoBench
from olmoearth_benchmarks.geobench_v1.collection import about
from olmoearth_core.interfaces.evaluation import Benchmark

FACTS = Facts(
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


def m_forestnet(
    *,
    root: str | None = None,
    partition: str | None = None,
    label_fraction: float = 1.0,
    patch_size: int = 4,
    missing: str = "error",
) -> Benchmark:
    """Tell why a forest was lost: 12 classes, 6464 / 989 / 993 images of Indonesia.

    root: folder of the collection or of this dataset, a path or URL; null = $GEOBENCH_DIR. partition: by name; null =
    the one of label_fraction, the share of training samples: 0.01, 0.02, 0.05, 0.1, 0.2, 0.5 or 1.0. patch_size:
    pixels of the 10 m grid. missing: "error" or "skip", for samples of the partition whose files are not there.
    """
    return GeoBench(
        facts=FACTS, root=root, partition=partition, label_fraction=label_fraction, patch_size=patch_size,
        missing=missing,
    )  # fmt: skip
