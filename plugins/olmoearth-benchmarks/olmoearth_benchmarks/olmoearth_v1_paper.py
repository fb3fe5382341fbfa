"""The tables of the paper that introduced OlmoEarth, with the scores of some thirty models from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from olmoearth_benchmarks.published import tables
from olmoearth_core.evaluate.results import Row
from olmoearth_core.interfaces.leaderboard import Leaderboard

TABLES = ("research_knn_and_probe", "partner_knn", "research_finetune", "partner_finetune")


@dataclass(frozen=True)
class _Paper:
    name: str = "olmoearth_v1_paper"
    source: str = "OlmoEarth: Stable Latent Image Modeling for Multimodal Earth Observation, arXiv 2511.13655 v1"

    def rows(self) -> Sequence[Row]:
        """Return all scores of the four tables."""
        return [row for table in TABLES for row in tables.rows(table)]

    def bounds(self) -> Mapping[tuple[str, str], tuple[float, float]]:
        """Return those of GEO-Bench v1 (normalizer.json of its data repository)."""
        return tables.bounds("geobench_v1_bounds")


def olmoearth_v1_paper() -> Leaderboard:
    """List the kNN, linear-probe and fine-tuning scores of the OlmoEarth v1 paper (arXiv 2511.13655 v1)."""
    return _Paper()
