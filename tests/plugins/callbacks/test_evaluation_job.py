"""Evaluations as jobs of their own: when they start, with what, what the run hears of them, and that none harms it."""

import json
import logging
import os
import sys
import time
from types import SimpleNamespace

import pytest

from olmoearth_core.config.build import build
from olmoearth_core.config.load import load
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.callback import Observer
from olmoearth_plugins.callbacks.evaluation_job import JOBS, LOG, evaluation_job

SCRIPT = """
import json, os, sys
from pathlib import Path
from olmoearth_core.evaluate.results import Row
from olmoearth_core.evaluate.session import session
checkpoint, out, step = sys.argv[1:]
OF_THE_RUN = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "TORCHELASTIC_RUN_ID")
print(checkpoint, [key for key in OF_THE_RUN if key in os.environ])
kept = session(Path(out), "step", {"title": "run"})
rows = [
    Row("cover", "trained", "macro_f1", 0.01 * int(step), 0.0, 1.0, split="valid", primary=True),
    Row("cover", "trained", "accuracy", 0.5, split="valid"),
    Row("cover", "pixels", "macro_f1", 0.9, split="valid", primary=True),
]
kept.keep("cover", rows, {})
kept.finish(rows)
"""


class Run:
    """A run as an observer sees it; the clock jumps a minute whenever it is asked."""

    rank = 0

    def __init__(self, folder, step=0, save_interval=2, keep=None):
        self.run_dir, self.step, self.heard, self.now = folder, step, [], 0.0
        self.settings = SimpleNamespace(save_interval=save_interval, keep_checkpoints=keep)

    def clock(self):
        self.now += 60.0
        return self.now

    def evaluated(self, name, metrics, *, step):
        self.heard.append((step, name, metrics))

    def saves(self, job, step):
        self.step = step
        job.checkpoint_saved(run=self, path=str(self.run_dir / f"step{step:08d}"))

    def listens(self, job):
        for _ in range(200):
            job.step_ended(run=self)
            if not job.running:
                break
            time.sleep(0.05)
        job.step_ended(run=self)


@pytest.fixture
def made(tmp_path):
    """Make the callback with a command that writes results as `olmoearth evaluate` does; wait for its jobs."""
    script, jobs = tmp_path / "job.py", []
    script.write_text(SCRIPT)

    def make(interval=4, command=None):
        default = [sys.executable, str(script), "{checkpoint}", "{out}", "{step}"]
        jobs.append(evaluation_job(interval=interval, command=command or default))
        return jobs[-1]

    yield make
    for process in [process for job in jobs for process in job.running.values()]:
        process.wait(60)


def started(run):
    return [folder.name for folder in sorted((run.run_dir / JOBS).glob("*"))]


def test_it_is_an_observer(made):
    assert isinstance(made(), Observer)


def test_the_first_checkpoint_after_every_interval_has_a_job_and_so_has_the_last(made, tmp_path):
    run, job = Run(tmp_path, save_interval=3), made(interval=4)
    for step in (3, 6, 9, 10, 12):
        run.saves(job, step)
    assert started(run) == ["step00000006", "step00000009", "step00000012"]
    run.saves(job, 13)
    job.run_ended(run=run, outcome="finished")
    assert started(run)[-1] == "step00000013"


@pytest.mark.parametrize("outcome", ["stopped", "failed"])
def test_a_run_that_was_cut_short_starts_no_last_job(made, tmp_path, outcome):
    run, job = Run(tmp_path), made(interval=100)
    run.saves(job, 2)
    job.run_ended(run=run, outcome=outcome)
    assert started(run) == []


def test_scores_are_heard_once_under_the_step_of_their_checkpoint(made, tmp_path):
    run, job = Run(tmp_path), made()
    run.saves(job, 4)
    run.step = 7
    run.listens(job)
    run.listens(job)
    ((step, name, metrics),) = run.heard
    assert (step, name) == (4, "cover")
    assert metrics == {
        "eval/cover": 0.04, "eval/cover_ci_lower": 0.0, "eval/cover_ci_upper": 1.0, "eval_other/cover/accuracy": 0.5,
    }  # fmt: skip


def test_a_resumed_run_hears_of_the_jobs_of_the_one_before_and_starts_none_twice(made, tmp_path):
    first, job = Run(tmp_path), made()
    first.saves(job, 4)
    for process in job.running.values():
        assert process.wait(60) == 0
    again, resumed = Run(tmp_path), made()
    again.saves(resumed, 4)
    assert resumed.running == {}
    again.listens(resumed)
    assert [step for step, *_ in again.heard] == [4]


def test_a_job_does_not_take_itself_for_a_rank_of_the_run(made, tmp_path, monkeypatch):
    for key in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "TORCHELASTIC_RUN_ID"):
        monkeypatch.setenv(key, "1")
    run, job = Run(tmp_path), made()
    run.saves(job, 4)
    run.listens(job)
    log = (tmp_path / JOBS / "step00000004" / LOG).read_text()
    assert log == f"{tmp_path}/step00000004 []\n"
    assert os.environ["RANK"] == "1"


def test_a_job_that_fails_or_cannot_start_is_a_warning(made, tmp_path, caplog):
    run = Run(tmp_path)
    with caplog.at_level(logging.WARNING):
        job = made(command=[sys.executable, "-c", "import sys; sys.exit('no GPU left')", "{checkpoint}"])
        run.saves(job, 4)
        run.listens(job)
        run.saves(made(command=["no-such-command", "{checkpoint}"]), 8)
    failed, missing = (record.message for record in caplog.records)
    assert "step00000004 failed" in failed
    assert (tmp_path / JOBS / "step00000004" / LOG).read_text() == "no GPU left\n"
    assert "no-such-command could not be started" in missing
    assert run.heard == []


def test_a_broken_result_is_a_warning_and_not_looked_at_again(made, tmp_path, caplog):
    folder = tmp_path / JOBS / "step00000004" / "step-001"
    folder.mkdir(parents=True)
    (folder / "evaluation.json").write_text(json.dumps({"finished": True}))
    (folder / "cover.task.json").write_text('{"rows": [')
    run, job = Run(tmp_path), made()
    with caplog.at_level(logging.WARNING):
        run.listens(job)
        run.listens(job)
    assert [record.message.count("cover.task.json") for record in caplog.records] == [1]


def test_an_evaluation_that_still_runs_is_left_alone(made, tmp_path):
    folder = tmp_path / JOBS / "step00000004" / "step-001"
    folder.mkdir(parents=True)
    (folder / "evaluation.json").write_text(json.dumps({"finished": False}))
    (folder / "cover.task.json").write_text(json.dumps({"rows": []}))
    run, job = Run(tmp_path), made()
    run.listens(job)
    assert run.heard == []
    (folder / "evaluation.json").write_text(json.dumps({"finished": True}))
    run.listens(job)
    assert (folder.parent / "told").exists()


def test_it_warns_where_checkpoints_may_be_gone_too_soon(made, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        made().run_started(run=Run(tmp_path))
        made().run_started(run=Run(tmp_path, keep=2))
    assert [record.message.count("keep_checkpoints = 2") for record in caplog.records] == [1]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("interval = 0", "interval"),
        ('interval = 4\ncommand = ["sbatch", "job.sh"]', r"\{checkpoint\}"),
        ('interval = 4\ncommand = ["job", "{checkpoint}", "{stop}"]', r"\{stop\} stands for nothing"),
    ],
)
def test_a_config_that_cannot_work_is_refused(tmp_path, line, message):
    path = tmp_path / "job.cfg"
    path.write_text(f'[trainer.callbacks.job]\n@callbacks = "olmoearth.evaluation_job.v1"\n{line}\n')
    with pytest.raises(ConfigError, match=message):
        build(load([str(path)], partial=True))
