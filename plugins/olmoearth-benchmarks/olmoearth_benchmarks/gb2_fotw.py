"""Fields of the World as in GEO-Bench 2: field, its boundary, or neither, per pixel, 256 x 256 pixels.

Of the two images per place, the first is shown; only the year is known.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v2.benchmark import Facts, about, component
from olmoearth_benchmarks.geobench_v2.records import mask, still

_FACTS = Facts(
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

gb2_fotw = component(_FACTS, asks="Tell fields and their boundaries, per pixel.")
