"""Where the datasets of GEO-Bench v1 are published, and how their folder must look."""

from __future__ import annotations

from olmoearth_core.interfaces.evaluation import About, Download

HOMEPAGE = "https://huggingface.co/datasets/recursix/geo-bench-1.0"
VARIABLE = "GEOBENCH_DIR"
_PAPER = "GEO-Bench: Lacoste et al. 2023, arXiv:2306.03831"


def about(dataset: str, kind: str, *, title: str, licence: str, citation: str) -> About:
    """Return the facts of one archive. kind: "classification" or "segmentation"; licence: of the source dataset."""
    return About(
        title=f"GEO-Bench v1 {dataset}: {title}",
        licence=licence,
        citation=f"{citation}. {_PAPER}",
        homepage=HOMEPAGE,
        variable=VARIABLE,
        downloads=(Download(f"{HOMEPAGE}/resolve/main/{kind}_v1.0/{dataset}.zip"),),
        layout=f"{kind}_v1.0/{dataset}/ with *_partition.json, band_stats.json, task_specs.pkl and <sample>.hdf5 as in "
        f"the archive, or samples.h5 and manifest.json as `olmoearth benchmarks prepare` writes them",
    )
