"""The real wandb package, offline in a temporary folder."""

from __future__ import annotations

import os
import random
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from olmoearth_wandb.tracker import tracker

# Its warnings are its own affair.
pytestmark = pytest.mark.filterwarnings("default")

KEY = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    for name in ("CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / name))
    return tmp_path / "nano"


def tracked(folder: Path, step: int) -> None:
    observer = tracker(tags=["test"])
    observer.run_started(run=SimpleNamespace(rank=0, run_dir=folder, config=SimpleNamespace(tree={"run": {"seed": 1}})))
    observer.step_ended(step=step, metrics={"train/loss": 1.0 / step})
    observer.evaluated(step=step, name="land_cover", metrics={"accuracy": 0.5})
    observer.run_ended(outcome="finished")


def test_a_run_without_a_key_leaves_folders_that_can_be_sent_later_under_one_id(folder):
    tracked(folder, step=1)
    tracked(folder, step=2)  # a resume
    known = (folder / "wandb" / "wandb_runid.txt").read_text().strip()
    offline = list((folder / "wandb").glob("offline-run-*"))
    assert len(offline) == 2
    assert all(known in made.name for made in offline)
    assert all(file.stat().st_size > 0 for made in offline for file in made.glob("*.wandb"))


def test_the_key_is_written_nowhere_and_nobody_elses_randomness_is_touched(monkeypatch, folder):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_MODE", "offline")
    before = (random.getstate(), np.random.get_state()[1].tolist())
    tracked(folder, step=1)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before
    written = [file for file in folder.rglob("*") if file.is_file()]
    assert any(file.suffix == ".wandb" for file in written)
    assert not [file for file in written if KEY.encode() in file.read_bytes()]
