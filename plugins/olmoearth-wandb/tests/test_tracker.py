"""What the W&B tracker reports, when, and what it does without an account or a network."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pluggy
import pytest
from olmoearth_wandb import tracker as module
from olmoearth_wandb.tracker import tracker

from olmoearth_core import hooks

KEY = "0123456789abcdef0123456789abcdef01234567"


class FakeRun:
    def __init__(self, **facts) -> None:
        self.facts, self.id = facts, facts["id"] or "fresh123"
        self.logged, self.defined, self.summary, self.exit_code = [], {}, {}, None

    def log(self, metrics: dict) -> None:
        self.logged.append(metrics)

    def define_metric(self, name: str, **how) -> None:
        self.defined[name] = how

    def finish(self, exit_code: int) -> None:
        self.exit_code = exit_code


class FakeWandb(ModuleType):
    """Takes the place of wandb: keeps the runs it opened; `error` makes online runs fail."""

    def __init__(self) -> None:
        super().__init__("wandb")
        self.errors = SimpleNamespace(Error=type("Error", (Exception,), {}))
        self.runs: list[FakeRun] = []
        self.error = ""

    def init(self, **facts) -> FakeRun:
        if self.error and facts["mode"] == "online":
            raise self.errors.Error(self.error)
        self.runs.append(FakeRun(**facts))
        return self.runs[-1]


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> FakeWandb:
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(module, "reachable", lambda environ: True)
    return fake


def run(folder: Path, rank: int = 0) -> SimpleNamespace:
    return SimpleNamespace(rank=rank, run_dir=folder / "nano", config=SimpleNamespace(tree={"run": {"seed": 1}}))


def started(folder: Path, rank: int = 0, **arguments):
    observer = tracker(**arguments)
    observer.run_started(run=run(folder, rank))
    return observer


def test_it_listens_only_to_hooks_that_the_frame_has():
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    manager.register(tracker())
    manager.check_pending()


def test_with_a_key_and_a_network_the_run_goes_online_with_its_config(wandb, monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    started(tmp_path, entity="lab", group="ablation", tags=["a"])
    (facts,) = [made.facts for made in wandb.runs]
    assert (facts["mode"], facts["resume"], facts["project"], facts["entity"]) == (
        "online",
        "allow",
        "olmoearth",
        "lab",
    )
    assert (facts["name"], facts["group"], facts["tags"]) == ("nano", "ablation", ["a"])
    assert (facts["config"], facts["dir"]) == ({"run": {"seed": 1}}, str(tmp_path / "nano"))
    assert KEY not in str(facts)


def test_without_a_key_it_records_offline_and_says_so_once(wandb, caplog, tmp_path):
    observer = started(tmp_path)
    observer.step_ended(step=1, metrics={"train/loss": 2.0})
    observer.run_ended(outcome="finished")
    assert [made.facts["mode"] for made in wandb.runs] == ["offline"]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "WANDB_API_KEY" in record.message
    assert f"wandb sync {tmp_path}/nano/wandb/offline-run-*" in record.message


def test_without_a_network_it_records_offline_and_names_the_server(wandb, monkeypatch, caplog, tmp_path):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.acme.org")
    monkeypatch.setattr(module, "reachable", lambda environ: False)
    started(tmp_path)
    assert wandb.runs[0].facts["mode"] == "offline"
    assert ["https://wandb.acme.org cannot be reached" in record.message for record in caplog.records] == [True]


def test_a_refused_run_is_recorded_offline_and_the_key_is_not_repeated(wandb, monkeypatch, caplog, tmp_path):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    wandb.error = f"permission denied for {KEY}"
    started(tmp_path)
    assert wandb.runs[0].facts["mode"] == "offline"
    assert "permission denied for <key>" in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize(("word", "mode"), [("offline", "offline"), ("dryrun", "offline"), ("online", "online")])
def test_the_environment_outranks_the_config_without_a_warning(wandb, monkeypatch, caplog, tmp_path, word, mode):
    monkeypatch.setenv("WANDB_MODE", word)
    started(tmp_path, mode="disabled")
    assert [made.facts["mode"] for made in wandb.runs] == [mode]
    assert not caplog.records


def test_a_mode_nobody_knows_records_offline_and_lists_those_that_exist(wandb, monkeypatch, caplog, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "onlin")
    started(tmp_path)
    assert wandb.runs[0].facts["mode"] == "offline"
    assert '"onlin", which is none of auto, online, offline, disabled' in caplog.text


def test_disabled_opens_nothing_and_takes_every_hook(wandb, monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    observer = started(tmp_path)
    observer.step_ended(step=1, metrics={"train/loss": 2.0})
    observer.evaluated(step=1, name="land_cover", metrics={"accuracy": 0.5})
    observer.run_ended(outcome="finished")
    assert not wandb.runs
    assert not (tmp_path / "nano").exists()


def test_only_rank_0_reports(wandb, tmp_path):
    observer = started(tmp_path, rank=1)
    observer.step_ended(step=1, metrics={"train/loss": 2.0})
    observer.run_ended(outcome="finished")
    assert not wandb.runs


def test_a_resumed_run_goes_on_under_its_old_id(wandb, monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    started(tmp_path)
    started(tmp_path)
    assert [made.facts["id"] for made in wandb.runs] == [None, "fresh123"]
    assert (tmp_path / "nano" / "wandb" / "wandb_runid.txt").read_text() == "fresh123\n"
    assert [file.name for file in (tmp_path / "nano" / "wandb").iterdir()] == ["wandb_runid.txt"]


def test_metrics_are_drawn_over_our_steps_and_empty_ones_are_not_sent(wandb, tmp_path):
    observer = started(tmp_path, mode="offline")
    observer.step_ended(step=1, metrics={})
    observer.step_ended(step=2, metrics={"train/loss": 2.0})
    observer.evaluated(step=2, name="land_cover", metrics={"eval/land_cover": 0.5})
    assert wandb.runs[0].logged == [{"train/loss": 2.0, "step": 2}, {"eval/land_cover": 0.5, "step": 2}]
    assert wandb.runs[0].defined["*"] == {"step_metric": "step"}


@pytest.mark.parametrize(("outcome", "code"), [("finished", 0), ("stopped", 0), ("failed", 1)])
def test_the_end_says_how_the_run_went_and_nothing_follows(wandb, tmp_path, outcome, code):
    observer = started(tmp_path, mode="offline")
    observer.run_ended(outcome=outcome)
    observer.step_ended(step=9, metrics={"train/loss": 2.0})
    assert (wandb.runs[0].exit_code, wandb.runs[0].summary, wandb.runs[0].logged) == (code, {"outcome": outcome}, [])


def test_making_a_tracker_does_not_import_wandb(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)  # an import would raise
    assert isinstance(tracker(), module.Observer)
