"""`olmoearth results`: from folders of evaluations to a table and a picture."""

import json

import pytest

from olmoearth_core.evaluate.results import Row
from olmoearth_core.evaluate.session import session
from olmoearth_core.testing.command import olmoearth

PAPER = """
from olmoearth_core.evaluate.results import Row
from olmoearth_core.interfaces.leaderboard import Leaderboard
class Paper:
    name, source = "paper", "a paper"
    def rows(self):
        more = dict(primary=True, evaluator="knn", profile="published", source="a paper, Table 1")
        return [Row("fields", "theirs", "accuracy", 0.7, **more), Row("ponds", "theirs", "accuracy", 0.6, **more)]
    def bounds(self):
        return {("fields", "accuracy"): (0.5, 1.0)}
def paper() -> Leaderboard:
    '''List what a paper says.'''
    return Paper()
"""


@pytest.fixture
def folder(tmp_path, install):
    points = {"acme.paper.v1": "acme_paper:paper", "acme.gone.v1": "acme_nowhere:x"}
    install("acme", "acme_paper", PAPER, olmoearth_leaderboards=points)
    for title, value in (("mine", 0.75), ("other", 0.65)):
        rows = [Row("fields", "trained", "accuracy", value, value - 0.01, value + 0.01, weights=title, primary=True,
                    evaluator="knn", profile="default"),
                Row("fields", "trained", "f1", 0.2, weights=title, evaluator="knn", profile="default")]  # fmt: skip
        made = session(tmp_path / "runs" / title, "eval", {"title": title})
        made.keep("fields", rows, {})
        made.finish(rows)
    return tmp_path


def test_evaluations_stand_beside_published_scores_of_the_same_tasks(folder, capsys):
    code, said, _ = olmoearth(
        capsys, "results", "table", folder / "runs", "--reference", "--models", "mine,other,theirs"
    )
    assert code == 0
    head, _, mine, other, theirs = said.splitlines()[1:6]
    assert head.split()[2:] == ["fields", "normalised", "mean", "rank"]
    assert mine.split() == ["mine", "default", "0.750", "±0.010", "0.50", "1.00"]
    assert other.split() == ["other", "default", "0.650", "±0.010", "0.30", "2.00"]
    assert theirs.split() == ["theirs", "published", "0.700", "0.40"]
    assert "profiles default, published stand in one column" in said
    assert "a paper, Table 1" in said
    assert "left out: acme.gone.v1" in said


def test_a_broken_leaderboard_says_nothing_to_those_who_did_not_ask(folder, capsys):
    code, said, _ = olmoearth(capsys, "results", "table", folder / "runs")
    assert code == 0
    assert "acme" not in said
    assert "theirs" not in said


def test_published_scores_alone_need_no_folder(folder, capsys):
    code, said, _ = olmoearth(capsys, "results", "table", "--reference", "--models", "theirs", "--format", "csv")
    assert code == 0
    assert said.splitlines()[1].startswith("theirs,knn,published,,0.7,,0.6,")


def test_another_metric_and_a_file_can_be_asked_for(folder, capsys):
    out = folder / "table.json"
    code, said, _ = olmoearth(
        capsys, "results", "table", folder, "--metric", "f1", "--format", "json", "--out", out
    )  # fmt: skip
    assert (code, said) == (0, f"table  {out}\n")
    assert json.loads(out.read_text())["sections"][0]["columns"] == [["fields", "f1"]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name a folder with results"),
        (("nowhere",), "found no result"),
        (("runs", "--format", "pdf"), "expected one of text, markdown, csv, json"),
        (("runs", "--metric", "beauty"), 'found "beauty"'),
        (("runs", "--out", "nowhere/x.md"), "there is no folder"),
    ],
)
def test_mistakes_end_with_one_sentence(folder, capsys, monkeypatch, words, message):
    monkeypatch.chdir(folder)
    code, said, error = olmoearth(capsys, "results", "table", *words)
    assert (code, said) == (2, "")
    assert message in error
    assert "Traceback" not in error


def test_a_broken_file_is_refused_or_left_out_by_name(folder, capsys):
    (folder / "runs" / "x.task.json").write_text("[]")
    assert olmoearth(capsys, "results", "table", folder)[0] == 2
    code, said, _ = olmoearth(capsys, "results", "table", folder, "--skip-broken")
    assert code == 0
    assert "left out" in said
    assert "x.task.json" in said


def test_a_plot_is_drawn_or_refused_before_any_work(folder, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    code, said, _ = olmoearth(capsys, "results", "plot", folder / "runs", "--out", folder / "x.png")
    assert code == 0
    assert said.splitlines()[-1] == f"picture  {folder / 'x.png'}"
    monkeypatch.setattr("olmoearth_core.care.drawing.find_spec", lambda name: None)
    code, _, error = olmoearth(capsys, "results", "plot", "nowhere", "--out", folder / "y.png")
    assert code == 2
    assert "pip install matplotlib" in error
