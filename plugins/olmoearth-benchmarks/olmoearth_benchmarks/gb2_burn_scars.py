"""Scars of fires as in GEO-Bench 2: burnt or not, per pixel, in 512 x 512 pixels of 30 m.

Harmonised images (HLS) of six bands, stored as fractions.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v2.benchmark import Facts, GeoBench2, about
from olmoearth_benchmarks.geobench_v2.records import mask, still
from olmoearth_core.interfaces.evaluation import Benchmark

FACTS = Facts(
    slug="burn_scars",
    task_type="segmentation",
    primary_metric="miou",
    label=mask(1, {}, 2),
    views={"sentinel2_l2a": still(0, ("B02", "B03", "B04", "B8A", "B11", "B12"), factor=10_000.0)},
    classes=("background", "burn scar"),
    about=about(
        "burn_scars",
        title="scars of fires in the United States",
        licence="CC-BY-4.0",
        citation="HLS Burn Scars: Phillips et al. 2023, doi:10.57967/hf/0956",
    ),
)


def gb2_burn_scars(
    *,
    root: str | None = None,
    input_modalities: list[str] | None = None,
    label_fraction: float = 1.0,
    patch_size: int = 4,
) -> Benchmark:
    """Tell burnt from other ground, per pixel.

    root: folder of GEO-Bench 2 or of this dataset, a path or URL; null = $GEOBENCH2_DIR. input_modalities: null =
    all that there is. label_fraction: share of the training samples, above 0 and at most 1 (drawn with seed 42).
    patch_size: pixels of the 10 m grid.
    """
    return GeoBench2(
        facts=FACTS, root=root, input_modalities=input_modalities, label_fraction=label_fraction, patch_size=patch_size
    )
