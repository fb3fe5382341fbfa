"""Scores during and after a tiny run: training does not notice them, and `olmoearth evaluate` repeats them."""

import json
import subprocess
import sys
import time
from dataclasses import replace

import pytest

import olmoearth_core
from olmoearth_core.cli.main import main

STAGE = "trainer.callbacks.downstream_evaluator"
TASK = f"{STAGE}.tasks.land_cover"
SCORED = {f"{STAGE}.enabled": "true", f"{TASK}.eval_interval": 2, f"{TASK}.benchmark.windows_per_sample": 1}


def run(*words):
    try:
        return main(list(words))
    except SystemExit as done:
        return done.code


def rows_of(folder):
    return [row for path in sorted(folder.glob("*.task.json")) for row in json.loads(path.read_text())["rows"]]


def scores(folder):
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {row["step"]: row for row in rows if "eval/land_cover" in row}


def test_the_loss_curve_is_the_same_with_and_without_the_evaluator(words, losses, tmp_path):
    plain = {f"{STAGE}.enabled": "false"}
    assert run("train", *words("plain", steps=5, **plain)) == 0
    assert run("train", *words("scored", steps=5, **SCORED)) == 0
    assert losses("scored") == losses("plain")
    assert sorted(scores(tmp_path / "scored")) == [2, 4, 5]
    assert scores(tmp_path / "plain") == {}


def test_a_checkpoint_scores_as_it_did_in_its_run_and_beside_baselines(words, tmp_path, capsys):
    assert run("train", *words("run", steps=3, **SCORED)) == 0
    during = scores(tmp_path / "run")[3]
    assert run("evaluate", str(tmp_path / "run")) == 0
    (folder,) = (tmp_path / "run" / "evaluations").iterdir()
    rows = {(row["subject"], row["metric"]): row for row in rows_of(folder)}
    trained = rows["trained", "macro_f1"]
    assert trained["value"] == pytest.approx(during["eval/land_cover"])
    header = json.loads((folder / "evaluation.json").read_text())
    assert (header["step"], header["finished"]) == (3, True)
    assert trained["weights"] != rows["untrained", "macro_f1"]["weights"]
    gain = rows["trained - untrained", "macro_f1"]["seeds"]
    pairs = zip(trained["seeds"], rows["untrained", "macro_f1"]["seeds"], strict=True)
    assert gain == pytest.approx([a - b for a, b in pairs])
    assert "trained - pixels" in capsys.readouterr().out


def test_results_are_numbered_the_same_twice_and_out_is_respected(words, tmp_path):
    assert run("train", *words("run", steps=1, **SCORED)) == 0
    kept = []
    for cache in ("one", "one", "two"):
        assert (
            run("evaluate", str(tmp_path / "run"), "--out", str(tmp_path / "scores"), f"--cache={tmp_path / cache}")
            == 0
        )
        kept.append(len(list((tmp_path / cache).rglob("*.npy"))))
    assert kept[0] == kept[1] == kept[2] > 0
    folders = sorted((tmp_path / "scores").iterdir())
    assert [folder.name for folder in folders] == [f"step00000001-{i:03d}" for i in (1, 2, 3)]
    first, again, afresh = map(rows_of, folders)
    assert first == again == afresh
    assert len({(folder / "table.md").read_text() for folder in folders}) == 1


def test_an_evaluation_that_was_cut_short_goes_on_in_its_own_folder(words, tmp_path, capsys):
    assert run("train", *words("run", steps=1, **SCORED)) == 0
    assert run("evaluate", str(tmp_path / "run")) == 0
    (folder,) = (tmp_path / "run" / "evaluations").iterdir()
    whole = rows_of(folder)
    header = json.loads((folder / "evaluation.json").read_text())
    (folder / "evaluation.json").write_text(json.dumps(header | {"finished": False}))
    (folder / "table.md").unlink()
    capsys.readouterr()
    assert run("evaluate", str(tmp_path / "run")) == 0
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert rows_of(folder) == whole
    assert (folder / "table.md").is_file()
    assert "values absent" not in capsys.readouterr().out


def test_two_processes_give_the_numbers_of_one(words, tmp_path):
    assert run("train", *words("run", steps=1, **SCORED)) == 0
    assert run("evaluate", str(tmp_path / "run"), "--out", str(tmp_path / "alone"), "--cache=") == 0
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = ["-m", "olmoearth_core.cli.main", "evaluate", str(tmp_path / "run"), "--out", str(tmp_path / "together")]
    small = f"--{TASK}.batch_size=3"
    done = subprocess.run(
        [*launch, *command, "--cache=", small], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert run("evaluate", str(tmp_path / "run"), "--out", str(tmp_path / "threes"), "--cache=", small) == 0
    alone, together, threes = (rows_of(next((tmp_path / name).iterdir())) for name in ("alone", "together", "threes"))
    assert together == threes
    for a, b in zip(alone, together, strict=True):
        assert (a["subject"], a["metric"], a["absent"]) == (b["subject"], b["metric"], b["absent"])
        assert a["value"] == pytest.approx(b["value"], nan_ok=True)


def test_two_processes_give_the_rows_of_one_where_a_baseline_has_nothing_to_train(trained, series, tmp_path):
    (tmp_path / "series").mkdir()
    words = (*trained, "--cache=", "--config", series(str(tmp_path / "series")))
    assert run(*words, "--out", str(tmp_path / "alone")) == 0
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = ["-m", "olmoearth_core.cli.main", *words, "--out", str(tmp_path / "together")]
    done = subprocess.run([*launch, *command], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    alone, together = (rows_of(next((tmp_path / name).iterdir())) for name in ("alone", "together"))
    assert {row["subject"] for row in alone if row["task"] == "tuned"} >= {"trained", "untrained", "majority"}
    assert alone == together


def test_tasks_come_from_evaluate_cfg_where_the_run_had_none(words, tmp_path, capsys):
    assert run("train", *words("run", steps=1)) == 0
    assert run("evaluate", str(tmp_path / "run"), f"--{TASK}.evaluator.seeds=2") == 0
    assert "land_cover" in capsys.readouterr().out


def test_a_task_that_is_not_declared_is_refused_with_those_that_are(words, tmp_path, capsys):
    assert run("train", *words("run", steps=1, **SCORED)) == 0
    assert run("evaluate", str(tmp_path / "run"), "--tasks", "land_use") == 2
    error = capsys.readouterr().err
    assert "land_use" in error
    assert "land_cover" in error


def test_a_folder_without_a_checkpoint_is_refused(tmp_path, capsys):
    assert run("evaluate", str(tmp_path)) == 2
    assert "a run folder, or a folder like step00000500" in capsys.readouterr().err


def test_a_package_scores_as_its_run_and_without_the_run_it_borrows_the_shipped_one(words, h5, tmp_path, monkeypatch):
    assert run("train", *words("run", steps=1, **SCORED)) == 0
    assert run("model", "convert", str(tmp_path / "run"), str(tmp_path / "package")) == 0
    bare = olmoearth_core.load_model(tmp_path / "run")
    bare.card = replace(bare.card, run_text=None, step=None)
    olmoearth_core.save_model(bare, tmp_path / "bare")
    monkeypatch.chdir(tmp_path)
    data = (f"--dataset.h5py_dir={h5}", f"--{TASK}.benchmark.windows_per_sample=1")
    assert run("evaluate", "run", "--out", "scores") == 0
    assert run("evaluate", "package", "--out", "scores") == 0
    assert run("evaluate", "bare", *data) == 0
    files = [*sorted((tmp_path / "scores").iterdir()), *(tmp_path / "evaluations").iterdir()]
    assert [file.name for file in files] == ["step00000001-001", "step00000001-002", "run-001"]
    results = [[row for row in rows_of(file) if row["subject"] == "trained"] for file in files]
    first, *others = [[row["value"] for row in rows if row["metric"] == "macro_f1"] for rows in results]
    assert all(other == pytest.approx(first) for other in others)
    assert len({row["weights"] for rows in results for row in rows}) == 1


def test_jobs_score_checkpoints_as_the_run_itself_does_and_their_scores_are_among_its_metrics(words, tmp_path):
    assert run("train", *words("within", steps=4, **SCORED)) == 0
    job = "trainer.callbacks.evaluation_job"
    jobs = {f"{job}.@callbacks": "olmoearth.evaluation_job.v1", f"{job}.interval": 2, f"{job}.poll_seconds": 0.01}
    assert run("train", *words("beside", steps=4, **{**SCORED, f"{STAGE}.enabled": "false"}, **jobs)) == 0
    home = tmp_path / "beside" / "evaluations" / "jobs"
    headers = [home / f"step{step:08d}" / f"step{step:08d}-001" / "evaluation.json" for step in (2, 4)]
    deadline = time.monotonic() + 240
    while not all(path.exists() and json.loads(path.read_text())["finished"] for path in headers):
        assert time.monotonic() < deadline, [path.read_text() for path in home.glob("*/log.txt")]
        time.sleep(0.5)
    assert run("train", *words("beside", steps=6, **{**SCORED, f"{STAGE}.enabled": "false"}, **jobs)) == 0
    during, later = scores(tmp_path / "within"), scores(tmp_path / "beside")
    for step in (2, 4):
        assert later[step]["eval/land_cover"] == pytest.approx(during[step]["eval/land_cover"])
