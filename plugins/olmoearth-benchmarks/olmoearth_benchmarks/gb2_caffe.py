"""Fronts of glaciers as in GEO-Bench 2 (CaFFe): rock, glacier or sea, per pixel of a radar image.

Images are grey values of one channel, not decibels, so only statistics of this data set can scale them. They are
shown as co-polarised; the reference adds a cross-polarised channel of zeros.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v2.benchmark import Facts, GeoBench2, about
from olmoearth_benchmarks.geobench_v2.records import mask, still
from olmoearth_core.interfaces.evaluation import Benchmark
from olmoearth_core.interfaces.modality import Statistics

FACTS = Facts(
    slug="caffe",
    task_type="segmentation",
    primary_metric="miou",
    label=mask(1, {0: -1, 1: 0, 2: 1, 3: 2}, 3),
    views={"sentinel1": still(0, ("vv",))},
    classes=("rock", "glacier", "ocean and ice melange"),
    dated=True,
    foreign={"sentinel1": "8-bit grey values"},
    statistics={"sentinel1": {"vv": Statistics(61.6042, 79.6141, 0.0, 255.0)}},
    about=about(
        "caffe",
        title="fronts of glaciers",
        licence="CC-BY-4.0",
        citation="CaFFe: Gourmelon et al. 2022, doi:10.5194/essd-14-4287-2022",
    ),
)


def gb2_caffe(
    *,
    root: str | None = None,
    input_modalities: list[str] | None = None,
    label_fraction: float = 1.0,
    patch_size: int = 4,
) -> Benchmark:
    """Tell rock, glacier and sea, per pixel of a radar image.

    root: folder of GEO-Bench 2 or of this dataset, a path or URL; null = $GEOBENCH2_DIR. input_modalities: null =
    all that there is. label_fraction: share of the training samples, above 0 and at most 1 (drawn with seed 42).
    patch_size: pixels of the 10 m grid.
    """
    return GeoBench2(
        facts=FACTS, root=root, input_modalities=input_modalities, label_fraction=label_fraction, patch_size=patch_size
    )
