import subprocess
import sys
from pathlib import Path

import pytest
import typer

from olmoearth_core.cli import quickstart


def sites(root):
    (root / "sites").mkdir(parents=True)
    return root


def test_real_sites_are_found_by_option_by_variable_and_beside_the_project(tmp_path, monkeypatch):
    here = sites(tmp_path / "shared" / "samples")
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    assert quickstart.find_samples(here, {}) == here
    assert quickstart.find_samples(None, {quickstart.SAMPLES: str(here)}) == here
    assert quickstart.find_samples(None, {}) == Path("../shared/samples")


def test_an_empty_variable_or_nothing_beside_means_no_sites(tmp_path, monkeypatch):
    sites(tmp_path / "shared" / "samples")
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    assert quickstart.find_samples(None, {quickstart.SAMPLES: ""}) is None
    monkeypatch.chdir(tmp_path)
    assert quickstart.find_samples(None, {}) is None


def test_a_folder_that_was_named_but_has_no_sites_is_refused(tmp_path):
    with pytest.raises(typer.BadParameter, match="no folder sites/"):
        quickstart.find_samples(tmp_path, {})


def test_runs_are_numbered_after_the_last(tmp_path):
    assert quickstart.fresh_name(tmp_path) == "quickstart-001"
    for name in ("quickstart-002", "quickstart-010", "quickstart-x", "other-099"):
        (tmp_path / name).mkdir()
    assert quickstart.fresh_name(tmp_path) == "quickstart-011"


def test_a_landscape_is_simulated_and_converted_and_sites_are_imported():
    plan = quickstart.of_landscape(Path("w"), 4)
    assert [words[:2] for words in plan.make_data] == [("dataset", "simulate"), ("dataset", "convert")]
    assert "--tiles=4" in plan.make_data[0]
    plan = quickstart.of_sites(Path("s"), Path("w"))
    assert plan.make_data == (("dataset", "import", "s", "w/sites/h5"),)
    assert plan.recipe == "configs/quickstart_sites.cfg"


def test_only_a_finished_data_set_counts_as_there(tmp_path):
    assert not quickstart.is_there(tmp_path / "nowhere")
    folder = tmp_path / "a" / "b" / "3"
    folder.mkdir(parents=True)
    assert not quickstart.is_there(tmp_path)
    (folder / "sample_metadata.csv").write_text("sample_index\n")
    assert quickstart.is_there(tmp_path)


def test_each_command_is_printed_before_it_runs_and_a_failure_ends_the_quick_start(monkeypatch, capsys):
    seen = []

    def fake(words, check, env):
        seen.append(words)
        return subprocess.CompletedProcess(words, 3)

    monkeypatch.setattr(subprocess, "run", fake)
    with pytest.raises(typer.Exit) as ended:
        quickstart.run(("train", "a.cfg"))
    assert ended.value.exit_code == 3
    assert seen == [[sys.executable, "-m", "olmoearth_core.cli.main", "train", "a.cfg"]]
    assert "$ olmoearth train a.cfg" in capsys.readouterr().out


def test_the_report_says_how_the_loss_went_and_where_things_are(tmp_path):
    lines = quickstart.report(tmp_path, None)
    assert not any("loss" in line.split()[0] for line in lines)
    rows = [f'{{"step": {i}, "train/loss": {30 - i}}}' for i in range(20)]
    (tmp_path / "metrics.jsonl").write_text("\n".join(rows))
    lines = quickstart.report(tmp_path, tmp_path / "picture.png")
    assert lines[0].split()[1:4] == ["29.500", "->", "11.500"]
    assert lines[-1].endswith("picture.png")
