"""EuroSAT as in GEO-Bench v1: 10 land uses, 64 x 64 pixels of 13 Sentinel-2 bands, one per image.

Its arrays carry wrong names from "08A" on, as their statistics show: band 10 sees no ground (mean 12 of 10000), and
that mean is under "09". The order in which they were written is that of EuroSAT's own files, where 8A comes last.
"""

from __future__ import annotations

from dataclasses import replace

from olmoearth_benchmarks.geobench_v1.benchmark import Facts, GeoBench
from olmoearth_benchmarks.geobench_v1.collection import about
from olmoearth_core.interfaces.evaluation import Benchmark

REAL_BANDS = {
    "B8A": "12 - SWIR",
    "B09": "08A - Vegetation Red Edge",
    "B10": "09 - Water vapour",
    "B11": "10 - SWIR - Cirrus",
    "B12": "11 - SWIR",
}
"""Band -> the name under which it is stored (evaluation.md 4.2 and 9.1 number 28)."""
FACTS = Facts(
    name="m_eurosat",
    dataset="m-eurosat",
    task_type="classification",
    primary_metric="accuracy",
    num_classes=10,
    real_bands=REAL_BANDS,
    about=about(
        "m-eurosat",
        "classification",
        title="land use in Europe",
        licence="MIT",
        citation="EuroSAT: Helber et al. 2019, doi:10.1109/JSTARS.2019.2918242",
    ),
)


def m_eurosat(
    *,
    root: str | None = None,
    partition: str | None = None,
    label_fraction: float = 1.0,
    patch_size: int = 4,
    missing: str = "error",
    trust_band_names: bool = False,
) -> Benchmark:
    """Tell the land use of an image: 10 classes, 2000 / 1000 / 1000 images over Europe.

    root: folder of the collection or of this dataset, a path or URL; null = $GEOBENCH_DIR. partition: by name; null =
    the one of label_fraction, the share of training samples: 0.01, 0.02, 0.05, 0.1, 0.2, 0.5 or 1.0. patch_size:
    pixels of the 10 m grid. missing: for samples of the partition whose files are not there, "error", "skip", or
    "share" to put what is there into every split, which tries a set out and scores nothing.
    trust_band_names: take five bands by their wrong names, as the reference does (its profile always does).
    """
    facts = replace(FACTS, real_bands={}) if trust_band_names else FACTS
    return GeoBench(
        facts=facts, root=root, partition=partition, label_fraction=label_fraction, patch_size=patch_size,
        missing=missing,
    )  # fmt: skip
