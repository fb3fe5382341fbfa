"""BigEarthNet v2 as in GEO-Bench 2: 19 land covers, several per image of 120 x 120 pixels.

The publisher calls the radar channels VV, VH, but by its own statistics (means -19.4 and -12.6 dB) the weaker one comes
first, which over land is the cross-polarised one. The default profile trusts the descriptions of the bands in the file,
and where there are none, the statistics; the reference trusts the documented order (evaluation.md 9.1 number 15).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from olmoearth_benchmarks.dense.images import TWELVE
from olmoearth_benchmarks.geobench_v2.benchmark import Facts, GeoBench2, about
from olmoearth_benchmarks.geobench_v2.records import Record, View, names, still
from olmoearth_core.choice import one_of
from olmoearth_core.interfaces.evaluation import Benchmark

CLASSES = (
    "Urban fabric", "Industrial or commercial units", "Arable land", "Permanent crops", "Pastures",
    "Complex cultivation patterns",
    "Land principally occupied by agriculture, with significant areas of natural vegetation", "Agro-forestry areas",
    "Broad-leaved forest", "Coniferous forest", "Mixed forest", "Natural grassland and sparsely vegetated areas",
    "Moors, heathland and sclerophyllous vegetation", "Transitional woodland, shrub", "Beaches, dunes, sands",
    "Inland wetlands", "Coastal wetlands", "Inland waters", "Marine waters",
)  # fmt: skip
ORDERS = ("vh_vv", "vv_vh")


def _radar(order: str) -> View:
    """Return vv and vh, told apart by the descriptions of the bands, else by `order`."""

    def read(record: Record) -> np.ndarray:
        values, told = record.described(0, 2)
        found = [text.strip().lower() for text in told]
        stored = found if sorted(found) == ["vh", "vv"] else order.split("_")
        return values[[stored.index("vv"), stored.index("vh")]].astype(np.float32)[None]

    return View(("vv", "vh"), read)


FACTS = Facts(
    slug="benv2",
    task_type="multilabel",
    primary_metric="micro_map",
    label=names("labels", CLASSES, others=False),
    views={"sentinel2_l2a": still(1, TWELVE), "sentinel1": _radar("vh_vv")},
    reference={"sentinel1": still(0, ("vv", "vh"))},
    classes=CLASSES,
    dated=True,
    about=about(
        "benv2",
        title="land covers in Europe",
        licence="CDLA-Permissive-1.0",
        citation="reBEN: Clasen et al. 2025, arXiv:2407.03653",
    ),
)


def gb2_benv2(
    *,
    root: str | None = None,
    input_modalities: list[str] | None = None,
    label_fraction: float = 1.0,
    patch_size: int = 4,
    radar_order: str = "vh_vv",
) -> Benchmark:
    """Tell which of 19 land covers are in an image.

    root: folder of GEO-Bench 2 or of this dataset, a path or URL; null = $GEOBENCH2_DIR. input_modalities: null =
    all that there is. label_fraction: share of the training samples, above 0 and at most 1 (drawn with seed 42).
    patch_size: pixels of the 10 m grid. radar_order: "vh_vv" or "vv_vh", of files whose bands have no descriptions.
    """
    one_of(radar_order, ORDERS, "gb2_benv2: radar_order")
    facts = replace(FACTS, views={**FACTS.views, "sentinel1": _radar(radar_order)})
    return GeoBench2(
        facts=facts, root=root, input_modalities=input_modalities, label_fraction=label_fraction, patch_size=patch_size
    )
