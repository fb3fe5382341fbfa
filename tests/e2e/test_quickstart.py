"""The quick start on a tiny simulated landscape: from nothing to scores, and again from the data that are there."""

import json
import os
import subprocess
import sys

import pytest

SMALL = (
    "--trainer.max_duration.steps=3",
    "--data_loader.global_batch_size=4",
    "--train_module.rank_microbatch_size=4",
    "--data_loader.num_workers=0",
    "--trainer.callbacks.downstream_evaluator.tasks.land_cover.benchmark.windows_per_sample=1",
)


def quickstart(folder):
    words = [sys.executable, "-m", "olmoearth_core.cli.main", "quickstart", "--simulated", "--tiles=2", *SMALL]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=False)


@pytest.mark.slow
def test_the_quick_start_goes_from_nothing_to_scores_and_reuses_its_data(tmp_path):
    first = quickstart(tmp_path)
    assert first.returncode == 0, first.stderr
    for words in ("dataset simulate", "dataset convert", "train", "evaluate"):
        assert f"$ olmoearth {words}" in first.stdout
    run = tmp_path / "runs" / "quickstart-001"
    (result,) = (run / "evaluations").iterdir()
    rows = json.loads(result.read_text())["rows"]
    assert {"trained", "untrained", "pixels", "trained - untrained"} <= {row["subject"] for row in rows}
    assert all(len(row["seeds"]) == 5 for row in rows)

    second = quickstart(tmp_path)
    assert second.returncode == 0, second.stderr
    assert "data are there" in second.stdout
    assert "dataset simulate" not in second.stdout
    assert (tmp_path / "runs" / "quickstart-002").is_dir()
