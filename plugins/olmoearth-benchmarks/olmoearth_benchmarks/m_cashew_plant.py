"""Cashew plantations in Benin as in GEO-Bench v1: 7 classes per pixel, 256 x 256 pixels of 12 Sentinel-2 bands.

Polygons are coarse, so larger patches cost little. The cloud probability is left out. Background is a class.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v1.benchmark import Facts, GeoBench
from olmoearth_benchmarks.geobench_v1.collection import about
from olmoearth_core.interfaces.evaluation import Benchmark

FACTS = Facts(
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


def m_cashew_plant(
    *,
    root: str | None = None,
    partition: str | None = None,
    label_fraction: float = 1.0,
    patch_size: int = 4,
    missing: str = "error",
) -> Benchmark:
    """Map cashew plantations: 7 classes, 1350 / 400 / 50 images of Benin.

    root: folder of the collection or of this dataset, a path or URL; null = $GEOBENCH_DIR. partition: by name; null =
    the one of label_fraction, the share of training samples: 0.01, 0.02, 0.05, 0.1, 0.2, 0.5 or 1.0. patch_size:
    pixels of the 10 m grid. missing: "error" or "skip", for samples of the partition whose files are not there.
    """
    return GeoBench(
        facts=FACTS, root=root, partition=partition, label_fraction=label_fraction, patch_size=patch_size,
        missing=missing,
    )  # fmt: skip
