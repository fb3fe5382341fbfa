"""Many evaluations in one table: what is compared with what, and what is only shown."""

import csv
import json
import math
from dataclasses import replace

import pytest

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.evaluate.results import Row
from olmoearth_core.evaluate.session import session
from olmoearth_core.leaderboard.board import build
from olmoearth_core.leaderboard.files import Entry, Found, collect
from olmoearth_core.leaderboard.selection import Wanted
from olmoearth_core.leaderboard.suspicion import suspected
from olmoearth_core.leaderboard.text import FORMATS

PUBLISHED = {"profile": "published", "source": "a paper, Table 2"}


def row(task, subject, value, **more):
    known = {"primary": True, "evaluator": "knn", "profile": "default", "dataset": "d1", "metric": "accuracy"}
    known |= {"low": value - 0.02, "high": value + 0.02, "weights": f"of {subject}"}
    return Row(task=task, subject=subject, value=value, **(known | more))


def board(*rows, bounds=None):
    return build(Found(tuple(Entry(r.subject, r, "here") for r in rows)), bounds)


def lines(built, section=0):
    return {line.name: line for line in built.sections[section].lines}


def kept(folder, title, *rows, step=None):
    made = session(folder, "eval", {"title": title, "step": step})
    for task in dict.fromkeys(r.task for r in rows):
        made.keep(task, [r for r in rows if r.task == task], {})
    made.finish(rows)
    return made.folder


def test_ranks_are_means_over_the_tasks_that_all_have_and_ties_share_theirs():
    """Task a: 0.9 0.9 0.5 -> 1.5 1.5 3; task b: mae 1 2 3 -> 1 2 3; task c is of x only and counts for nobody."""
    errors = [row("b", name, value, metric="mae") for name, value in (("x", 1.0), ("y", 2.0), ("z", 3.0))]
    scores = [row("a", name, value) for name, value in (("x", 0.9), ("y", 0.9), ("z", 0.5))]
    built = board(*scores, *errors, row("c", "x", 0.1))
    assert {name: line.rank for name, line in lines(built).items()} == {"x": 1.25, "y": 1.75, "z": 3.0}
    assert "knn, default: mean rank over a, b" in built.remarks
    assert [name for name, line in lines(built).items() if line.cells["b", "mae"].best] == ["x"]
    assert not lines(built)["x"].cells["c", "accuracy"].best, "one alone is not the best of anything"


def test_no_task_in_common_gives_no_rank_and_says_so():
    built = board(row("a", "x", 0.9), row("b", "y", 0.9))
    assert all(line.rank is None for line in lines(built).values())
    assert "knn, default: no task is shared by all 2; no mean rank" in built.remarks


def test_normalised_scores_use_bounds_of_the_task_or_its_benchmark():
    rows = [row("a", "x", 0.7), row("mine", "x", 0.2, benchmark="b"), row("free", "x", 0.3)]
    bounds = {("a", "accuracy"): (0.5, 0.9), ("b", "accuracy"): (0.0, 0.2), ("free", "f1"): (0.0, 1.0)}
    assert lines(board(*rows, bounds=bounds))["x"].normalised == pytest.approx((0.5 + 1.0) / 2)


def test_other_data_and_other_splits_are_marked_and_never_win():
    rows = [row("a", "x", 0.5), row("a", "y", 0.6), row("a", "z", 0.9, dataset="d2"), row("a", "v", 0.8, split="valid")]
    built = board(*rows)
    assert [name for name, line in lines(built).items() if line.cells["a", "accuracy"].best] == ["y"]
    assert {"z, a: data d2, others d1", "v, a: split valid, others test"} <= set(built.remarks)
    assert "0.900 ±0.020*" in FORMATS["text"](built)


def test_profiles_are_never_in_one_column_without_saying_so():
    rows = [row("a", "x", 0.5), row("a", "y", 0.4, profile="reference"), row("a", "p", 0.9, **PUBLISHED)]
    built = board(*rows)
    said = "knn: profiles default, reference, published stand in one column; best and ranks are within each"
    assert built.remarks[0] == said
    assert not any(cell.best for line in lines(built).values() for cell in line.cells.values())
    assert board(rows[0]).remarks == ()


def test_settings_set_lines_apart_only_where_a_task_has_several():
    a, b = ({"evaluator": {"k": k}, "batch_size": k, "benchmark": {"root": f"/{k}"}} for k in (5, 20))
    apart = board(row("a", "x", 0.5, settings=a), row("a", "x", 0.6, settings=b), row("b", "x", 0.7, settings=b))
    assert set(lines(apart)) == {"x [k=5]", "x [k=20]"}
    assert len(lines(apart)["x [k=20]"].cells) == 2
    assert set(lines(board(row("a", "x", 0.5, settings=a), row("b", "x", 0.7, settings=b)))) == {"x"}


def test_the_same_score_twice_is_one_line_and_another_score_opens_another():
    pixels = row("a", "pixels", 0.5, weights="")
    assert set(lines(board(pixels, pixels))) == {"pixels"}
    assert set(lines(board(pixels, replace(pixels, value=0.6)))) == {"pixels", "pixels [no. 2]"}


def test_two_models_of_one_name_are_told_apart_by_their_weights():
    names = set(lines(board(row("a", "x", 0.5, weights="0123456789"), row("a", "x", 0.6, weights="9876543210"))))
    assert names == {"x 01234567", "x 98765432"}


def test_trivial_subjects_take_no_rank_but_can_be_the_best():
    built = board(row("a", "pixels", 0.9), row("a", "x", 0.5), row("a", "y", 0.4))
    assert list(lines(built)) == ["x", "y", "pixels"]
    assert lines(built)["pixels"].rank is None
    assert lines(built)["pixels"].cells["a", "accuracy"].best


def test_twins_of_different_weights_and_losers_to_pixels_of_another_file_are_flagged():
    def entry(subject, value, place, **more):
        return Entry(subject, row("a", subject, value, **more), place)

    found = [entry("x", 0.5, "one"), entry("y", 0.5, "two"), entry("pixels", 0.7, "two", weights="")]
    flags = {e.model: e.row.flags for e in suspected(found)}
    assert flags["x"] == ("equal to the last bit to y of two", "below pixels")
    assert flags["y"] == ("equal to the last bit to x of one",), "its own file has compared it with pixels already"
    again = [entry("x", 0.5, "one"), entry("x", 0.5, "two")]
    assert [e.row.flags for e in suspected(again)] == [(), ()]
    other = [entry("x", 0.5, "one"), entry("pixels", 0.7, "two", dataset="d2", weights="")]
    assert suspected(other)[0].row.flags == ()


def test_published_scores_need_a_measured_task_and_are_never_called_twins():
    found = [Entry(s, row(t, s, 0.5, **PUBLISHED), "paper") for s in ("p", "q") for t in ("a", "b")]
    assert all(not e.row.flags for e in suspected(found))
    assert len(Wanted().of(Found(tuple(found))).entries) == 4
    mine = Entry("x", row("a", "x", 0.5), "here")
    assert {(e.model, e.row.task) for e in Wanted().of(Found((mine, *found))).entries} == {
        ("x", "a"), ("p", "a"), ("q", "a"),
    }  # fmt: skip


def test_published_scores_of_other_tasks_are_left_out_aloud():
    found = (Entry("x", row("mine", "x", 0.5), "here"), Entry("p", row("a", "p", 0.5, **PUBLISHED), "paper"))
    chosen = Wanted().of(Found(found))
    assert [e.model for e in chosen.entries] == ["x"]
    assert chosen.remarks == ("published: no score of these tasks by these metrics and protocols",)


def test_settings_that_were_selected_are_one_line_whatever_they_came_to_be():
    rows = [row(t, "x", 0.5, settings={"evaluator": {"lr": lr}}, selected="on valid") for t, lr in (("a", 1), ("b", 2))]
    fixed = row("a", "x", 0.4, settings={"evaluator": {"lr": 3}})
    built = board(*rows, fixed, row("a", "x", 0.3, settings={"evaluator": {"lr": 4}}))
    assert set(lines(built)) == {"x [selected]", "x [lr=3]", "x [lr=4]"}
    assert "x: selected on valid (a, b)" in built.remarks


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted("miou"), 'found "miou", but there is only accuracy'),
        (Wanted(tasks=("b",)), 'found "b", but there is only a'),
        (Wanted(models=("y",)), 'found "y", but there is only x'),
    ],
)
def test_a_choice_that_matches_nothing_says_what_there_is(wanted, said):
    with pytest.raises(ConfigError, match=said):
        wanted.of(Found((Entry("x", row("a", "x", 0.5), "here"),)))


def test_files_are_read_once_and_models_are_called_after_their_evaluation(tmp_path):
    comparison = row("a", "trained - untrained", 0.1)
    kept(tmp_path, "big", row("a", "trained", 0.5), row("a", "untrained", 0.4), comparison, step=60)
    folder = kept(tmp_path, "foreign", row("a", "someone", 0.3), row("b", "someone", 0.2, split="valid"))
    found = collect([tmp_path, folder, folder / "a.task.json"])
    assert [e.model for e in found.entries] == ["big @60", "untrained big", "someone", "someone"]
    assert [e.trivial for e in found.entries] == [False, True, False, False]


def test_scores_of_the_test_split_are_taken_where_there_are_some(tmp_path):
    kept(tmp_path, "m", row("a", "trained", 0.5, split="valid"), row("a", "trained", 0.4))
    assert [e.row.split for e in collect([tmp_path]).entries] == ["test"]


def test_all_broken_files_are_listed_or_left_out(tmp_path):
    folder = kept(tmp_path, "m", row("a", "trained", 0.5))
    body = json.loads((folder / "a.task.json").read_text())
    body["rows"][0]["subject"] = None
    (folder / "b.task.json").write_text(json.dumps(body))
    (folder / "c.task.json").write_text("{")
    with pytest.raises(DataError, match=r"(?s)b\.task\.json: found a row whose subject.*c\.task\.json.*--skip-broken"):
        collect([tmp_path])
    found = collect([tmp_path], skip_broken=True)
    assert len(found.entries) == 1
    assert [remark.startswith("left out") for remark in found.remarks] == [True, True]


def deep():
    body = 1
    for _ in range(900):
        body = {"a": body}
    return body


@pytest.mark.parametrize(
    "change",
    [{"settings": []}, {"settings": deep()}, {"details": 3}, {"profile": 7}, {"split": ["test"]}, {"task": {}}],
)
def test_a_damaged_row_is_refused_with_its_file(tmp_path, change):
    folder = kept(tmp_path, "m", row("a", "trained", 0.5))
    body = json.loads((folder / "a.task.json").read_text())
    body["rows"][0] |= change
    (folder / "a.task.json").write_text(json.dumps(body))
    with pytest.raises(DataError, match=r"a\.task\.json"):
        collect([tmp_path])


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000])
def test_a_damaged_header_is_refused_with_its_file(tmp_path, text):
    folder = kept(tmp_path, "m", row("a", "trained", 0.5))
    (folder / "evaluation.json").write_text(text)
    with pytest.raises(DataError, match=r"evaluation\.json"):
        collect([tmp_path])


def test_files_that_are_too_large_or_lead_nowhere_are_refused(tmp_path, monkeypatch):
    (tmp_path / "x.task.json").symlink_to(tmp_path / "gone")
    with pytest.raises(DataError, match=r"x\.task\.json: cannot be read"):
        collect([tmp_path])
    (tmp_path / "gone").write_text("{}" * 10)
    monkeypatch.setattr("olmoearth_core.leaderboard.files.LARGEST_BYTES", 9)
    with pytest.raises(DataError, match="has 20 bytes, results have at most 9"):
        collect([tmp_path])


def test_nothing_in_a_file_can_steer_the_terminal(tmp_path):
    kept(tmp_path, "m\x1b[2J\nevil", row("a\n|", "trained", 0.5, flags=("\x1b]0;x",)))
    text = FORMATS["text"](build(collect([tmp_path])))
    assert "\x1b" not in text
    assert "m [2J evil" in text


def test_unfinished_evaluations_are_named(tmp_path):
    session(tmp_path, "eval", {"title": "m"}).keep("a", [row("a", "trained", 0.5)], {})
    assert collect([tmp_path]).remarks == (f"{tmp_path / 'eval-001'}: not finished",)


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"found no result"):
        collect([tmp_path])


def test_every_format_has_the_scores_and_what_was_refused():
    refused = row("a", "z", math.nan, flags=("refused: wrong | unit",), low=math.nan, high=math.nan)
    built = board(row("a", "x", 0.51234), row("a", "y|<b>", 0.4), refused)
    text, markdown = FORMATS["text"](built), FORMATS["markdown"](built)
    assert "0.512 ±0.020" in text
    assert "z: refused: wrong | unit (a)" in text
    assert "| x | default | **0.512 ±0.020** | 1.00 |" in markdown
    assert "y\\|&lt;b>" in markdown
    table = list(csv.DictReader(FORMATS["csv"](built).splitlines()))
    assert [line["a accuracy"] for line in table] == ["0.51234", "0.4", ""]
    assert float(table[0]["a accuracy half-width"]) == pytest.approx(0.02)
    body = json.loads(FORMATS["json"](built))
    assert body["sections"][0]["lines"][0]["cells"][0]["value"] == 0.51234
    assert body["sections"][0]["lines"][2]["cells"][0]["value"] is None


def test_rows_without_settings_do_not_make_all_settings_differ():
    from olmoearth_core.leaderboard.variants import differing

    plain = Row("task", "trained", "miou", 0.5, evaluator="knn", settings={"pooling": "mean", "k": 5})
    majority = Row("task", "majority", "miou", 0.1, evaluator="knn")
    assert differing([plain, majority]) == {}
    other = Row("task", "trained", "miou", 0.4, evaluator="knn", settings={"pooling": "max", "k": 5})
    assert differing([plain, majority, other]) == {"knn": ("pooling",)}
