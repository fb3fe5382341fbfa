"""The metrics file: one line per step, whatever happens to the run."""

import json
import math
from types import SimpleNamespace

from olmoearth_plugins.callbacks.jsonl import jsonl


def run(folder, step=0, rank=0):
    return SimpleNamespace(run_dir=folder, step=step, rank=rank)


def rows(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_each_step_and_each_score_is_a_line(tmp_path):
    callback = jsonl()
    callback.step_ended(run(tmp_path), 1, {"train/loss": 2.0})
    callback.evaluated(run(tmp_path), 1, "cover", {"eval/cover": 0.5})
    assert rows(tmp_path) == [{"step": 1, "train/loss": 2.0}, {"step": 1, "eval/cover": 0.5}]


def test_a_resumed_run_drops_later_and_torn_lines(tmp_path):
    callback = jsonl()
    for step in range(1, 6):
        callback.step_ended(run(tmp_path), step, {"train/loss": 1.0})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 6, "train')
    callback.run_started(run(tmp_path, step=3))
    assert [row["step"] for row in rows(tmp_path)] == [1, 2, 3]


def test_a_number_that_is_not_finite_is_null(tmp_path):
    jsonl().step_ended(run(tmp_path), 1, {"train/loss": math.nan})
    assert rows(tmp_path) == [{"step": 1, "train/loss": None}]


def test_only_rank_0_writes(tmp_path):
    jsonl().step_ended(run(tmp_path, rank=1), 1, {"train/loss": 1.0})
    assert list(tmp_path.iterdir()) == []
