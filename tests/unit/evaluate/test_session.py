"""Result folders: written whole, numbered, continued after an interruption, never overwritten."""

import json

import pytest

from olmoearth_core.errors import DataError
from olmoearth_core.evaluate.results import Row
from olmoearth_core.evaluate.session import read_rows, session

ROW = Row("cover", "trained", "miou", 0.5, details={"f1": [0.5]}, counts={"test": 3}, primary=True)


def test_an_unfinished_session_of_the_same_header_goes_on_and_any_other_gets_a_new_folder(tmp_path):
    first = session(tmp_path, "step1", {"checkpoint": "a"})
    first.keep("cover", [ROW], {"seconds": 1.0})
    again = session(tmp_path, "step1", {"checkpoint": "a"})
    assert again.folder == first.folder
    assert again.done("cover") == [ROW]
    assert again.done("other") is None
    assert session(tmp_path, "step1", {"checkpoint": "b"}).folder.name == "step1-002"
    again.finish([ROW])
    assert session(tmp_path, "step1", {"checkpoint": "a"}).folder.name == "step1-003"


def test_tables_are_written_for_people_and_for_programs(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    here = session(tmp_path, "step1", {"title": "my model"})
    table = here.finish([ROW])
    assert table.read_text().startswith("# my model\n\n| task | subject |")
    frame = pandas.read_parquet(here.folder / "rows.parquet")
    assert frame["value"].tolist() == [0.5]
    assert json.loads(frame["details"][0]) == {"f1": [0.5]}
    assert not list(tmp_path.rglob("*.part"))


def test_task_names_cannot_leave_the_folder(tmp_path):
    here = session(tmp_path / "out", "step1", {})
    path = here.keep("../../evil name", [ROW], {})
    assert path.parent == here.folder


@pytest.mark.parametrize("text", ["", "[]", '{"rows": 3}', '{"rows": [3]}', '{"rows": [{"value": 1}]}', "[" * 100_000])
def test_files_that_are_no_results_are_named(tmp_path, text):
    path = tmp_path / "x.task.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"x\.task\.json"):
        read_rows(path)


def test_a_folder_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="--out"):
        session(tmp_path / "file", "step1", {})
