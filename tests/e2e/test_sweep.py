"""Settings are chosen on the validation split, and the choice is the same in this process and in others."""

import json

import numpy as np
import pytest

from olmoearth_core.cli.main import main
from olmoearth_core.errors import ConfigError
from olmoearth_core.evaluate.sweep import axis

TASKS = """
[trainer.callbacks.downstream_evaluator]
@callbacks = "olmoearth.downstream_evaluator.v1"

[trainer.callbacks.downstream_evaluator.tasks.pixels.benchmark]
@benchmarks = "benchmarks.pixel_series.v1"
root = "{root}"

[trainer.callbacks.downstream_evaluator.tasks.pixels.evaluator]
@evaluators = "olmoearth.knn.v1"
bootstrap = 50
"""


def run(*words):
    try:
        return main(list(words))
    except SystemExit as done:
        return done.code


@pytest.fixture
def asked(words, tmp_path):
    """Train one step, write a benchmark whose classes differ in brightness, return the words of the command."""
    assert run("train", *words("run", steps=1, **{"trainer.callbacks.downstream_evaluator.enabled": "false"})) == 0
    rng, count = np.random.default_rng(0), 60
    label = np.arange(count) % 3 + 1
    values = rng.normal(1000, 300, (count, 12, 18)) + 600 * label[:, None, None]
    series = tmp_path / "series"
    series.mkdir()
    arrays = {
        "s1_s2_era5_srtm": values, "target": label, "is_test": (np.arange(count) % 4 == 0).astype(np.int64),
        "latlon": np.stack([np.arange(count) * 0.5, np.zeros(count)], 1), "month": np.tile(np.arange(12), (count, 1)),
    }  # fmt: skip
    for name, array in arrays.items():
        np.save(series / f"{name}.npy", array)
    (tmp_path / "tasks.cfg").write_text(TASKS.format(root=series))
    return (
        "evaluate",
        str(tmp_path / "run"),
        "--config",
        str(tmp_path / "tasks.cfg"),
        "--cache",
        str(tmp_path / "kept"),
    )


def rows_of(folder):
    (path,) = folder.glob("*/pixels.task.json")
    return json.loads(path.read_text())["rows"]


def test_the_best_setting_on_valid_is_the_one_that_is_tested_here_and_in_other_processes(asked, tmp_path):
    single = {}
    for k in (1, 5, 40):
        key = f"--trainer.callbacks.downstream_evaluator.tasks.pixels.evaluator.k={k}"
        assert run(*asked, key, "--out", str(tmp_path / f"k{k}")) == 0
        single[k] = {(r["subject"], r["split"], r["metric"]): r["value"] for r in rows_of(tmp_path / f"k{k}")}
    words = (*asked, "--sweep", "evaluator.k=1,5,40")
    assert run(*words, "--out", str(tmp_path / "here")) == 0
    assert run(*words, "--out", str(tmp_path / "there"), "--engine", "pool", "--workers", "2") == 0
    assert rows_of(tmp_path / "here") == rows_of(tmp_path / "there")
    for subject in ("trained", "untrained", "pixels"):
        best = max(single, key=lambda k: single[k][subject, "valid", "macro_f1"])
        (row,) = [r for r in rows_of(tmp_path / "here")
                  if (r["subject"], r["split"], r["metric"]) == (subject, "test", "macro_f1")]  # fmt: skip
        assert row["settings"]["evaluator"]["k"] == best
        assert row["value"] == single[best][subject, "test", "macro_f1"]
        assert row["selected"] == f"best of 3 on valid: evaluator.k={best}"


def test_a_setting_that_no_task_has_is_refused(asked, capsys):
    assert run(*asked, "--sweep", "evaluator.temperatur=1,2") == 2
    assert "none of the tasks pixels has such a setting" in capsys.readouterr().err
    assert run(*asked, "--workers", "2") == 2
    assert "Add --sweep" in capsys.readouterr().err


def test_values_are_read_as_in_overrides():
    assert axis("pooling=mean, max") == ("pooling", ["mean", "max"])
    assert axis("evaluator.lr=1e-4,0.5") == ("evaluator.lr", [1e-4, 0.5])
    for text in ("pooling", "pooling=", "=mean"):
        with pytest.raises(ConfigError, match="expected key=value,value"):
            axis(text)
