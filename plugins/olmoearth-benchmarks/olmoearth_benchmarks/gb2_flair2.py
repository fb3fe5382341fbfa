"""Land cover of France as in GEO-Bench 2 (FLAIR 2): 13 classes per pixel of aerial images of 20 cm.

Four 8-bit colours in the order red, green, blue, infrared, and a height above ground that no modality here has. They
are no reflectances, so only statistics of this data set can scale them. The reference puts the five channels into the
first five bands, whatever they are (evaluation.md 9.1 number 15).
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v2.benchmark import Facts, about, component
from olmoearth_benchmarks.geobench_v2.records import mask, still
from olmoearth_core.interfaces.modality import Statistics

CLASSES = (
    "building", "pervious surface", "impervious surface", "bare soil", "water", "coniferous", "deciduous", "brushwood",
    "vineyard", "herbaceous vegetation", "agricultural land", "plowed land", "other",
)  # fmt: skip
STATISTICS = {
    "B04": Statistics(111.406, 51.2807, 0.0, 255.0),
    "B03": Statistics(115.7967, 45.0964, 0.0, 255.0),
    "B02": Statistics(106.9038, 44.3981, 0.0, 255.0),
    "B08": Statistics(104.0893, 39.563, 0.0, 255.0),
}
"""Of the training images, published with GEO-Bench 2."""
_FACTS = Facts(
    slug="flair2",
    task_type="segmentation",
    primary_metric="miou",
    label=mask(1, {value: min(value - 1, 12) for value in range(256)}, 13),
    views={"sentinel2_l2a": still(0, ("B04", "B03", "B02", "B08"))},
    reference={"sentinel2_l2a": still(0, ("B02", "B03", "B04", "B08", "B05"), factor=10_000 / 255)},
    classes=CLASSES,
    foreign={"sentinel2_l2a": "8-bit colours"},
    statistics={"sentinel2_l2a": STATISTICS},
    about=about(
        "flair2",
        title="land cover of France",
        licence="Etalab Open Licence 2.0",
        citation="FLAIR 2: Garioud et al. 2023, arXiv:2310.13336",
    ),
)

gb2_flair2 = component(_FACTS, asks="Tell the land cover, per pixel of an aerial image.")
