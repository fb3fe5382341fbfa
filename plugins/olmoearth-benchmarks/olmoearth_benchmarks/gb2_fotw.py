"""Fields of the World as in GEO-Bench 2: field, its boundary, or neither, per pixel, 256 x 256 pixels.

Of the two images per place, the first is shown; only the year is known.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v2.benchmark import Facts, GeoBench2, about
from olmoearth_benchmarks.geobench_v2.records import mask, still
from olmoearth_core.interfaces.evaluation import Benchmark

FACTS = Facts(
    slug="fotw",
    task_type="segmentation",
    primary_metric="miou",
    label=mask(3, {value: -1 for value in range(3, 256)}, 3),
    views={"sentinel2_l2a": still(0, ("B04", "B03", "B02", "B08"))},
    classes=("background", "field", "field boundary"),
    about=about(
        "fotw",
        title="fields and their boundaries",
        licence="CC-BY-4.0 (the countries that GEO-Bench 2 keeps)",
        citation="Fields of The World: Kerner et al. 2025, arXiv:2409.16252",
    ),
)


def gb2_fotw(
    *,
    root: str | None = None,
    input_modalities: list[str] | None = None,
    label_fraction: float = 1.0,
    patch_size: int = 4,
) -> Benchmark:
    """Tell fields and their boundaries, per pixel.

    root: folder of GEO-Bench 2 or of this dataset, a path or URL; null = $GEOBENCH2_DIR. input_modalities: null =
    all that there is. label_fraction: share of the training samples, above 0 and at most 1 (drawn with seed 42).
    patch_size: pixels of the 10 m grid.
    """
    return GeoBench2(
        facts=FACTS, root=root, input_modalities=input_modalities, label_fraction=label_fraction, patch_size=patch_size
    )
