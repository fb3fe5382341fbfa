"""The numbers of the OlmoEarth v1 paper (arXiv 2511.13655 v1), as evaluation.md 8.1-8.3 and 8.7 have them."""

from collections import Counter

import pytest
from olmoearth_benchmarks.olmoearth_v1_paper import olmoearth_v1_paper

from olmoearth_core.kinds import registry


@pytest.fixture(scope="module")
def board():
    return olmoearth_v1_paper()


@pytest.fixture(scope="module")
def scores(board):
    return {(r.subject, r.task, r.evaluator): r for r in board.rows()}


@pytest.mark.parametrize(
    ("model", "task", "evaluator", "metric", "value"),
    [
        ("OlmoEarth B", "m_eurosat", "knn", "accuracy", 0.947),
        ("AnySat B", "m_bigearthnet", "knn", "f1", 0.545),
        ("AnySat B", "pastis_sentinel2", "linear_probe", "miou", 0.419),
        ("OlmoEarth L", "sen1floods11", "linear_probe", "miou", 0.798),
        ("Tessera", "cropharvest_Togo_sentinel1_sentinel2", "linear_probe", "accuracy", 0.81),
        ("Presto", "pastis_sentinel1", "linear_probe", "miou", 0.163),
        ("TerraMind B", "nandi_sentinel1", "knn", "accuracy", 0.247),
        ("OlmoEarth T", "awf_landsat", "knn", "accuracy", 0.755),
        ("CROMA L", "mados", "finetune", "miou", 0.688),
        ("CROMA B", "m_bigearthnet", "finetune", "f1", 0.695),
        ("TerraMind L", "m_cashew_plant", "finetune", "miou", 0.813),
        ("OlmoEarth B random init", "m_eurosat", "finetune", "accuracy", 0.803),
        ("OlmoEarth B", "vessel_length", "finetune", "mae", 15.4),
        ("Galileo B", "solar_farm_sentinel1_sentinel2", "finetune", "miou", 0.851),
    ],
)
def test_numbers_are_those_of_the_paper(scores, model, task, evaluator, metric, value):
    row = scores[model, task, evaluator]
    assert (row.metric, row.value) == (metric, value)
    assert row.source.startswith("arXiv 2511.13655 v1, ")


def test_every_table_is_there_with_its_gaps(board):
    """26 models x 18 tasks less 83 gaps; 18 x 6 less 21; 17 x 10 less 9; 3 x 19 less 3."""
    counts = Counter(row.source.partition(", ")[2] for row in board.rows())
    assert counts == {"Table 2": 385, "kNN on partner tasks": 87, "Table 3": 161, "fine-tuning on partner tasks": 54}


def test_what_could_not_be_read_for_sure_is_said(scores):
    assert "inferred" in scores["Presto", "cropharvest_China_sentinel1", "linear_probe"].flags[0]
    assert scores["Presto", "breizhcrops", "linear_probe"].flags == ()


def test_olmoearth_is_best_as_often_as_the_paper_claims(board):
    """Claims: 11 of 18 research tasks (kNN and LP), 4 of 6 partner tasks, 5 of 10 research tasks (fine-tuned)."""

    def wins(source):
        best = {}
        for row in board.rows():
            if row.source.endswith(source):
                best[row.task] = max(best.get(row.task, (0.0, "")), (row.value, row.subject))
        return sum(subject.startswith("OlmoEarth") for _, subject in best.values())

    assert (wins("Table 2"), wins("kNN on partner tasks"), wins("Table 3")) == (11, 4, 5)


def test_bounds_are_those_of_geo_bench(board):
    bounds = board.bounds()
    assert bounds["m_so2sat", "accuracy"] == (0.4493, 0.6095)
    assert bounds["m_bigearthnet", "f1"] == (0.6024, 0.7056)
    assert len(bounds) == 6


def test_tasks_are_called_as_their_benchmarks(board):
    """So that published scores meet those that are measured with the shipped task lists."""
    ours = {name.split(".")[1] for name in registry.benchmarks.components()}
    tasks = {row.task for row in board.rows()}
    research = {name for name in ours if name.startswith("m_")} | {"mados", "sen1floods11"}
    assert research <= tasks
