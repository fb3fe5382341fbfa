"""Brick kilns in Bangladesh as in GEO-Bench v1: is there one, 64 x 64 pixels of 13 Sentinel-2 bands."""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v1.benchmark import Facts, GeoBench
from olmoearth_benchmarks.geobench_v1.collection import about
from olmoearth_core.interfaces.evaluation import Benchmark

FACTS = Facts(
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


def m_brick_kiln(
    *,
    root: str | None = None,
    partition: str | None = None,
    label_fraction: float = 1.0,
    patch_size: int = 4,
    missing: str = "error",
) -> Benchmark:
    """Tell whether an image shows a brick kiln: 2 classes, 15063 / 999 / 999 images (the negatives are easy).

    root: folder of the collection or of this dataset, a path or URL; null = $GEOBENCH_DIR. partition: by name; null =
    the one of label_fraction, the share of training samples: 0.01, 0.02, 0.05, 0.1, 0.2, 0.5 or 1.0. patch_size:
    pixels of the 10 m grid. missing: "error" or "skip", for samples of the partition whose files are not there.
    """
    return GeoBench(
        facts=FACTS, root=root, partition=partition, label_fraction=label_fraction, patch_size=patch_size,
        missing=missing,
    )  # fmt: skip
