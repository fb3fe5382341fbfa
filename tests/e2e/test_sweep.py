"""Settings are chosen on the validation split, and the choice is the same in this process and in others."""

import json

import pytest

from olmoearth_core.cli.main import main
from olmoearth_core.errors import ConfigError
from olmoearth_core.evaluate.sweep import axis


def run(*words):
    try:
        return main(list(words))
    except SystemExit as done:
        return done.code


@pytest.fixture
def asked(trained, series, tmp_path):
    """Return the words that evaluate a run of one step on pixel series."""
    (tmp_path / "series").mkdir()
    return (*trained, "--tasks=pixels", "--config", series(str(tmp_path / "series")))


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
