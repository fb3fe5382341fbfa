import pytest

from olmoearth_core.config.freeze import freeze
from olmoearth_core.config.load import load


def test_a_run_keeps_every_source_as_written_and_the_resolved_whole(write, acme):
    top = write("top.cfg", "# why: a test\n[run]\nseed = 3\n")
    folder = freeze(load(["base.cfg", top], ["--run.name=x"]), acme / "run" / "config")
    assert sorted(file.name for file in folder.iterdir()) == [
        "00-base.cfg",
        "01-top.cfg",
        "02-overrides",
        "resolved.cfg",
    ]
    assert (folder / "01-top.cfg").read_text().startswith("# why: a test")
    assert (folder / "02-overrides").read_text() == "--run.name=x\n"
    assert load([folder / "resolved.cfg"]).tree["run"] == {"name": "x", "root": "runs", "seed": 3}


def test_an_older_folder_is_replaced_and_nothing_else_is_left_behind(acme):
    freeze(load(["base.cfg"], ["--run.seed=1"]), acme / "run" / "config")
    folder = freeze(load(["base.cfg"]), acme / "run" / "config")
    assert [path.name for path in folder.parent.iterdir()] == ["config"]
    assert not (folder / "01-overrides").exists()


def test_a_failed_write_leaves_the_older_folder_and_no_other(acme, monkeypatch):
    folder = freeze(load(["base.cfg"], ["--run.seed=1"]), acme / "run" / "config")
    broken = load(["base.cfg"])
    object.__setattr__(broken, "layers", (("ok", "text"), ("bad", "\ud800")))
    with pytest.raises(UnicodeEncodeError):
        freeze(broken, folder)
    assert [path.name for path in folder.parent.iterdir()] == ["config"]
    assert "seed = 1" in (folder / "resolved.cfg").read_text()
