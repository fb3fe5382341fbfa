"""olmoearth openstreetmap: from an extract to rasters, and what is said when it cannot be done."""

from __future__ import annotations

import inspect
import json

import pytest
from olmoearth_openstreetmap import commands
from olmoearth_openstreetmap.raster import openstreetmap_raster

from olmoearth_core.cli.main import main
from olmoearth_core.convert.tiles import read_table


def olmoearth(capsys, *words):
    try:
        code = main([*map(str, words)])
    except SystemExit as stop:
        code = stop.code
    out = capsys.readouterr()
    return code or 0, out.out + out.err


def test_an_extract_becomes_tiles_of_a_store(town, tmp_path, capsys):
    places, windows, store = tmp_path / "places.json", tmp_path / "windows.csv", tmp_path / "store"
    extra = ("--cells", tmp_path / "cells.json")
    code, said = olmoearth(capsys, "openstreetmap", "select", town, places, *extra)
    assert (code, "1 of 1 cells" in said, f"{places}" in said) == (0, True, True)
    assert json.loads((tmp_path / "cells.json").read_text())["fountain"] == [[25006, 60001]]
    day = ("--first", "2021-06-01", "--last", "2021-06-01")
    assert olmoearth(capsys, "dataset", "select", "points", places, windows, *day)[0] == 0
    code, said = olmoearth(capsys, "openstreetmap", "tiles", town, store, "--windows", windows)
    assert (code, "1 written, 0 kept, 0 skipped, 0 failed" in said) == (0, True)
    code, said = olmoearth(capsys, "openstreetmap", "rasterize", store, "--rules", "reference")
    assert (code, "1 written, 0 kept" in said) == (0, True)
    assert len(read_table(store, openstreetmap_raster()).tiles) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("select", "nowhere.osm.pbf", "out.json"), "nowhere.osm.pbf: no such file"),
        (("tiles", "nowhere.osm.pbf", "store", "--windows", "nowhere.csv"), "nowhere.csv: cannot be read"),
        (("rasterize", "nowhere"), "10_openstreetmap.csv: cannot be read"),
        (("rasterize", "nowhere", "--shard", "5/2"), "shard"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_traceback(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    code, said = olmoearth(capsys, "openstreetmap", *words)
    assert code != 0
    assert message in " ".join(said.split())
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_category_is_said(town, tmp_path, capsys):
    words = ("openstreetmap", "select", town, tmp_path / "out.json", "--categories", "river,castle")
    code, said = olmoearth(capsys, *words)
    assert (code != 0, 'category "castle": unknown' in " ".join(said.split())) == (True, True)
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize("name", ["select", "tiles", "rasterize"])
def test_every_option_has_a_help_text(name):
    function = getattr(commands, name)
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        assert parameter.annotation.__metadata__[0].help, parameter.name
    assert function.__doc__


def test_the_command_is_listed(capsys):
    code, said = olmoearth(capsys, "--help")
    assert (code, "openstreetmap" in said) == (0, True)
