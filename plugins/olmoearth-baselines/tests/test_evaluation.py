"""`olmoearth evaluate` takes a wrapper's name where it takes a checkpoint."""

import json
import os
import sys
from pathlib import Path

import pytest

from olmoearth_core.cli.main import main

SAMPLES = Path(os.environ.get("OLMOEARTH_SAMPLES") or Path(__file__).parents[4] / "shared" / "samples")
SERIES = SAMPLES / "eval" / "pixel_timeseries"
TASKS = f"""
[trainer]
[trainer.callbacks]
[trainer.callbacks.downstream_evaluator]
@callbacks = "olmoearth.downstream_evaluator.v1"
[trainer.callbacks.downstream_evaluator.tasks]
[trainer.callbacks.downstream_evaluator.tasks.pixels]
[trainer.callbacks.downstream_evaluator.tasks.pixels.benchmark]
@benchmarks = "benchmarks.pixel_series.v1"
root = "{SERIES}"
[trainer.callbacks.downstream_evaluator.tasks.pixels.evaluator]
@evaluators = "olmoearth.knn.v1"
"""


def run(*words):
    try:
        return main(list(words))
    except SystemExit as done:
        return done.code or 0


def scored(folder, name):
    config = folder / "tasks.cfg"
    config.write_text(TASKS)
    words = ["--config", str(config), "--tasks", "pixels", "--cache", "", "--device", "cpu", "--out", str(folder)]
    assert run("evaluate", name, *words) == 0
    (path,) = folder.rglob("*.task.json")
    rows = json.loads(path.read_text())["rows"]
    return {row["subject"]: row["value"] for row in rows if (row["split"], row["metric"]) == ("test", "macro_f1")}


@pytest.mark.skipif(not SERIES.is_dir(), reason="the real samples are not here")
@pytest.mark.parametrize("name", ["baselines.image_statistics.v1", "baselines.random_convolutions.v1"])
def test_baselines_without_weights_beat_always_saying_the_same(name, tmp_path):
    values = scored(tmp_path, name)
    assert values[name] > values["majority"]


def test_a_model_whose_package_is_missing_is_refused_by_name(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "terratorch.registry", None)
    assert run("evaluate", "baselines.prithvi.v1", "--out", str(tmp_path)) == 2
    assert "pip install 'olmoearth-baselines[terratorch]'" in capsys.readouterr().err
