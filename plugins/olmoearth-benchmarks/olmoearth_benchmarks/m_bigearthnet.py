"""BigEarthNet as in GEO-Bench v1: which of 43 land covers an image shows, 120 x 120 pixels of 12 Sentinel-2 bands.

The papers speak of micro F1 and 19 classes; the files have 43, so that is what is scored.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v1.benchmark import Facts, GeoBench
from olmoearth_benchmarks.geobench_v1.collection import about
from olmoearth_core.interfaces.evaluation import Benchmark

FACTS = Facts(
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


def m_bigearthnet(
    *,
    root: str | None = None,
    partition: str | None = None,
    label_fraction: float = 1.0,
    patch_size: int = 4,
    missing: str = "error",
) -> Benchmark:
    """Tell all land covers of an image: 43 classes, 20000 / 1000 / 1000 images over Europe.

    root: folder of the collection or of this dataset, a path or URL; null = $GEOBENCH_DIR. partition: by name; null =
    the one of label_fraction, the share of training samples: 0.01, 0.02, 0.05, 0.1, 0.2, 0.5 or 1.0. patch_size:
    pixels of the 10 m grid. missing: "error" or "skip", for samples of the partition whose files are not there.
    """
    return GeoBench(
        facts=FACTS, root=root, partition=partition, label_fraction=label_fraction, patch_size=patch_size,
        missing=missing,
    )  # fmt: skip
