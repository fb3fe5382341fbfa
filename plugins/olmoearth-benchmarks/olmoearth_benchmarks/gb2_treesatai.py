"""Trees of German forests as in GEO-Bench 2: 15 genera, several per image of 20 x 20 pixels.

The aerial and radar images of the same places are not shown.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v2.benchmark import Facts, GeoBench2, about
from olmoearth_benchmarks.geobench_v2.records import names, still
from olmoearth_core.interfaces.evaluation import Benchmark

CLASSES = (
    "Abies", "Acer", "Alnus", "Betula", "Cleared", "Fagus", "Fraxinus", "Larix", "Picea", "Pinus", "Populus", "Prunus",
    "Pseudotsuga", "Quercus", "Tilia",
)  # fmt: skip
BANDS = ("B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12", "B01", "B09")
FACTS = Facts(
    slug="treesatai",
    task_type="multilabel",
    primary_metric="micro_map",
    label=names("species_labels", CLASSES, others=True),
    views={"sentinel2_l2a": still(2, BANDS)},
    classes=CLASSES,
    about=about(
        "treesatai",
        title="genera of trees in Lower Saxony",
        licence="CC-BY-4.0",
        citation="TreeSatAI: Ahlswede et al. 2023, doi:10.5194/essd-15-681-2023",
    ),
)


def gb2_treesatai(
    *,
    root: str | None = None,
    input_modalities: list[str] | None = None,
    label_fraction: float = 1.0,
    patch_size: int = 4,
) -> Benchmark:
    """Tell which of 15 genera of trees grow in a small image.

    root: folder of GEO-Bench 2 or of this dataset, a path or URL; null = $GEOBENCH2_DIR. input_modalities: null =
    all that there is. label_fraction: share of the training samples, above 0 and at most 1 (drawn with seed 42).
    patch_size: pixels of the 10 m grid.
    """
    return GeoBench2(
        facts=FACTS, root=root, input_modalities=input_modalities, label_fraction=label_fraction, patch_size=patch_size
    )
