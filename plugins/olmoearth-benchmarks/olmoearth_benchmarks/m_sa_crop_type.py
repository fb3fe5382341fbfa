"""Crop types in South Africa as in GEO-Bench v1: 10 classes per pixel, 256 x 256 pixels of 12 Sentinel-2 bands.

The archive spells the folder m-SA-crop-type, others in lower case; both are found. Background is a class.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v1.benchmark import Facts, GeoBench
from olmoearth_benchmarks.geobench_v1.collection import about
from olmoearth_core.interfaces.evaluation import Benchmark

FACTS = Facts(
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


def m_sa_crop_type(
    *,
    root: str | None = None,
    partition: str | None = None,
    label_fraction: float = 1.0,
    patch_size: int = 4,
    missing: str = "error",
) -> Benchmark:
    """Map crop types: 10 classes, 3000 / 1000 / 1000 images of South Africa.

    root: folder of the collection or of this dataset, a path or URL; null = $GEOBENCH_DIR. partition: by name; null =
    the one of label_fraction, the share of training samples: 0.01, 0.02, 0.05, 0.1, 0.2, 0.5 or 1.0. patch_size:
    pixels of the 10 m grid. missing: "error" or "skip", for samples of the partition whose files are not there.
    """
    return GeoBench(
        facts=FACTS, root=root, partition=partition, label_fraction=label_fraction, patch_size=patch_size,
        missing=missing,
    )  # fmt: skip
