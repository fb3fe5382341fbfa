"""The leaderboard as a picture: who gets which colour, what stands in which panel."""

import pytest

from olmoearth_core.errors import ConfigError
from olmoearth_core.evaluate.results import Row
from olmoearth_core.leaderboard.board import Board, Cell, Line, Section

plot = pytest.importorskip("olmoearth_core.leaderboard.plot")
pytest.importorskip("matplotlib")


def line(model, columns, *, half=0.02, **more):
    cells = {(t, m): Cell(Row(t, model, m, 0.5, 0.5 - half, 0.5 + half)) for t, m in columns}
    return Line(model, more.pop("profile", "default"), cells=cells, **more)


def board(columns, *lines):
    return Board((Section("knn", tuple(columns), lines),), ())


def test_errors_with_a_unit_get_a_panel_of_their_own():
    columns = [("a", "accuracy"), ("b", "mae"), ("c", "miou"), ("d", "mae")]
    panels = plot.panels_of(board(columns, line("x", columns)).sections[0])
    assert [(p.label, [column[0] for column, _ in p.bands]) for p in panels] == [
        ("score", ["a", "c"]),
        ("mae", ["b", "d"]),
    ]


def test_variants_share_the_colour_of_their_model_and_baselines_are_grey():
    lines = [line("x", []), line("x", [], variant="k=5"), line("y", []), line("pixels", [], trivial=True)]
    styles = plot._styles(lines)
    assert styles["x"][0] == styles["x [k=5]"][0] != styles["y"][0]
    assert styles["x"][1] != styles["x [k=5]"][1]
    assert styles["pixels"][0] == plot._GREYS[0]


def test_no_two_of_fifty_models_look_alike():
    styles = plot._styles([line(f"m{i}", []) for i in range(50)])
    assert len(set(styles.values())) == 50


def test_a_picture_is_written_whole(tmp_path):
    columns = [("a", "accuracy"), ("b", "mae")]
    nan = float("nan")
    plot.draw(tmp_path / "x.png", board(columns, line("x", columns), line("p", columns, half=nan, profile="published")))
    assert [file.name for file in tmp_path.iterdir()] == ["x.png"]
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_published_scores_are_hollow():
    styles = {"x": ("red", "o"), "p": ("blue", "o")}
    assert plot._handle(line("p", [], profile="published"), styles).get_markerfacecolor() == "white"
    assert plot._handle(line("x", []), styles).get_markerfacecolor() == "red"


def test_nothing_to_draw_is_said(tmp_path):
    with pytest.raises(ConfigError, match="found 0 scores"):
        plot.draw(tmp_path / "x.png", Board((), ()))
