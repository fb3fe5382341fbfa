"""Trees of German forests as in GEO-Bench 2: 15 genera, several per image of 20 x 20 pixels.

The aerial and radar images of the same places are not shown.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v2.benchmark import Facts, about, component
from olmoearth_benchmarks.geobench_v2.records import names, still

CLASSES = (
    "Abies", "Acer", "Alnus", "Betula", "Cleared", "Fagus", "Fraxinus", "Larix", "Picea", "Pinus", "Populus", "Prunus",
    "Pseudotsuga", "Quercus", "Tilia",
)  # fmt: skip
BANDS = ("B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12", "B01", "B09")
_FACTS = Facts(
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

gb2_treesatai = component(_FACTS, asks="Tell which of 15 genera of trees grow in a small image.")
