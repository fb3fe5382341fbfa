"""Growing cities as in GEO-Bench 2 (SpaceNet 7): building or not, per pixel of 4 m images.

The fourth stored channel is the image's alpha (its mean is 254.9 of 255), not infrared, and is left out; the
reference shows it as infrared. Colours are 8-bit, no reflectances, so only statistics of this data set can scale them.
Class 0 never occurs.
"""

from __future__ import annotations

from olmoearth_benchmarks.geobench_v2.benchmark import Facts, about, component
from olmoearth_benchmarks.geobench_v2.records import mask, still
from olmoearth_core.interfaces.modality import Statistics

STATISTICS = {
    "B04": Statistics(117.8301, 62.0075, 0.0, 255.0),
    "B03": Statistics(104.5793, 49.8148, 0.0, 255.0),
    "B02": Statistics(77.5781, 46.0783, 0.0, 255.0),
}
"""Of the training images, published with GEO-Bench 2."""
_FACTS = Facts(
    slug="spacenet7",
    task_type="segmentation",
    primary_metric="miou",
    label=mask(1, {0: 1, 1: 2, 255: -1}, 3),
    views={"sentinel2_l2a": still(0, ("B04", "B03", "B02"))},
    reference={"sentinel2_l2a": still(0, ("B04", "B03", "B02", "B08"), factor=10_000 / 255)},
    classes=("background", "no building", "building"),
    foreign={"sentinel2_l2a": "8-bit colours"},
    statistics={"sentinel2_l2a": STATISTICS},
    about=about(
        "spacenet7",
        title="buildings of growing cities",
        licence="CC-BY-SA-4.0",
        citation="SpaceNet 7: Van Etten et al. 2021, arXiv:2102.04420",
    ),
)

gb2_spacenet7 = component(_FACTS, asks="Tell buildings, per pixel.")
