"""Clouds and their shadows as in GEO-Bench 2: four classes per pixel, 512 x 512 pixels.

Of 14 stored layers, the first twelve are bands; the others are products of the correction.
"""

from __future__ import annotations

from olmoearth_benchmarks.dense.images import TWELVE
from olmoearth_benchmarks.geobench_v2.benchmark import Facts, GeoBench2, about
from olmoearth_benchmarks.geobench_v2.records import mask, still
from olmoearth_core.interfaces.evaluation import Benchmark

FACTS = Facts(
    slug="cloudsen12",
    task_type="segmentation",
    primary_metric="miou",
    label=mask(1, {}, 4),
    views={"sentinel2_l2a": still(0, TWELVE)},
    classes=("clear", "thick cloud", "thin cloud", "cloud shadow"),
    dated=True,
    about=about(
        "cloudsen12",
        title="clouds and their shadows",
        licence="CC0-1.0",
        citation="CloudSEN12+: Aybar et al. 2024, doi:10.1016/j.dib.2024.110852",
    ),
)


def gb2_cloudsen12(
    *,
    root: str | None = None,
    input_modalities: list[str] | None = None,
    label_fraction: float = 1.0,
    patch_size: int = 4,
) -> Benchmark:
    """Tell clear ground, thick and thin clouds, and their shadows, per pixel.

    root: folder of GEO-Bench 2 or of this dataset, a path or URL; null = $GEOBENCH2_DIR. input_modalities: null =
    all that there is. label_fraction: share of the training samples, above 0 and at most 1 (drawn with seed 42).
    patch_size: pixels of the 10 m grid.
    """
    return GeoBench2(
        facts=FACTS, root=root, input_modalities=input_modalities, label_fraction=label_fraction, patch_size=patch_size
    )
