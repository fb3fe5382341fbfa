"""What `olmoearth dataset select`, `ingest` and `read` print, and what they say to mistakes."""

import json
from datetime import UTC, datetime

import catalogue
import numpy as np
import pytest

from olmoearth_core.ingest.windows import Window, read_windows, write_windows
from olmoearth_core.kinds import registry
from olmoearth_core.testing.command import olmoearth

TIME = datetime(2020, 6, 8, tzinfo=UTC)


def run(capsys, *words):
    return olmoearth(capsys, "dataset", *words)


@pytest.fixture(autouse=True)
def registered(made):
    """A modality and a reader of this process."""

    def images():
        """Images for a test."""
        return made.images

    def files(*, suffix: str = ".npz"):
        """Read files of a test."""
        return made.reader(suffix=suffix)

    registry.modalities.register("made_images", func=images)
    registry.readers.register("test.npz.v1", func=files)
    yield
    for kind, name in (("modalities", "made_images"), ("readers", "test.npz.v1")):
        del catalogue.REGISTRY["olmoearth", kind, name]


@pytest.fixture
def raw(made, tmp_path):
    values = np.arange(3.0)[None, :, None, None] * np.ones((1, 1, 256, 256)) + 300
    made.write_npz(tmp_path / "raw" / "june.npz", values, [np.datetime64("2020-06-15")], made.cell)
    return tmp_path / "raw"


@pytest.fixture
def windows(made, tmp_path):
    return write_windows(tmp_path / "w.csv", [Window(made.cell, TIME)])


def ingest(capsys, raw, tmp_path, windows, *more):
    words = ("ingest", raw, tmp_path / "store", "--windows", windows, "--modalities", "made_images", "--workers", 0)
    return run(capsys, *words, *more)


def test_cells_by_lot_are_the_same_for_the_same_seed(tmp_path, capsys):
    for name in ("a.csv", "b.csv"):
        code, out, _ = run(capsys, "select", "random", tmp_path / name, "--count", 7, "--seed", 3)
        assert (code, out.split(" in ")[0]) == (0, "7 windows")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert run(capsys, "select", "random", tmp_path / "c.csv", "--count", 7, "--reference", "--shared-days")[0] == 0


def test_places_and_regions_become_windows_of_the_days_asked_for(tmp_path, capsys):
    (tmp_path / "p.json").write_text(json.dumps([[4.5, 50.1], [0, 89]]))
    day = ("--first", "2021-07-01", "--last", "2021-07-01")
    code, out, _ = run(capsys, "select", "points", tmp_path / "p.json", tmp_path / "p.geojson", *day)
    assert (code, out.splitlines()[0].split(": ")[1]) == (0, "place 1")
    assert {w.tile_time.date().isoformat() for w in read_windows(tmp_path / "p.geojson").windows} == {"2021-07-01"}
    ring = [[4.5, 50], [4.6, 50], [4.6, 50.1], [4.5, 50.1], [4.5, 50]]
    (tmp_path / "r.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    code, out, _ = run(capsys, "select", "regions", tmp_path / "r.geojson", tmp_path / "r.csv", "--count", 3)
    assert (code, len(read_windows(tmp_path / "r.csv").windows)) == (0, 3)


@pytest.mark.parametrize(
    ("words", "says"),
    [(("--bounds", "1,2"), "expected west,south,east,north"), (("--first", "soon"), 'found "soon"'),
     (("--seed", "-1"), "seed -1"), (("--bounds", "0,0,0.001,0.001"), "1000 were asked for")],
)  # fmt: skip
def test_mistakes_in_a_selection_are_said_in_one_line(tmp_path, capsys, words, says):
    code, _, err = run(capsys, "select", "random", tmp_path / "w.csv", *words)
    assert code != 0
    assert says in err
    assert not (tmp_path / "w.csv").exists()


def test_ingest_says_what_it_wrote_and_what_it_kept(raw, tmp_path, windows, capsys):
    code, out, _ = ingest(capsys, raw, tmp_path, windows)
    assert code == 0
    assert out.splitlines()[0].split() == ["made_images", "1", "scenes"]
    assert f"1 written, 0 kept, 0 skipped, 0 failed: {tmp_path}/store" in out
    assert "0 written, 1 kept" in ingest(capsys, raw, tmp_path, windows)[1]
    assert (tmp_path / "store" / "10_made_images_monthly.csv").exists()


def test_ingest_names_a_bad_file_and_goes_on(raw, tmp_path, windows, capsys):
    (raw / "torn.npz").write_bytes(b"")
    code, out, _ = ingest(capsys, raw, tmp_path, windows)
    assert (code, out.splitlines()[0].split(": torn")[0]) == (0, f"left out    {raw}/torn.npz")
    assert "1 written" in out


@pytest.mark.parametrize(
    ("more", "says"),
    [(("--option", "hue=blue"), 'option "hue": no reader here takes it'), (("--option", "unit"), "expected key=value"),
     (("--reader", "test.nzp.v1"), 'Did you mean "test.npz.v1"'), (("--shard", "4/4"), "--shard"),
     (("--option", "suffix=.other"), "none of the readers knows a product there"),
     (("--windows", "/none.csv"), "/none.csv: cannot be read")],
)  # fmt: skip
def test_mistakes_in_ingest_are_said_before_work(raw, tmp_path, windows, capsys, more, says):
    code, _, err = ingest(capsys, raw, tmp_path, windows, *more)
    assert code != 0
    assert says in err
    assert not (tmp_path / "store").exists()


def test_read_prints_who_reads_a_product_and_what_is_in_it(raw, capsys):
    code, out, _ = run(capsys, "read", raw, "--modality", "made_images", "--reader", "test.npz.v1")
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines() if line}
    assert lines["product"].endswith("june.npz")
    assert lines["reader"].endswith("test.npz.v1 as made_images")
    assert "256 x 256 of 10 x 10 m" in lines["pixels"]
    assert lines["times"].endswith("2020-06-15T00:00:00")
    assert lines["c"].split() == ["c", "302", "302", "302", "0.0%"]
    assert lines["contract"].split() == ["contract", "holds"]


def test_read_of_a_product_that_is_refused_ends_with_code_1(raw, capsys):
    (raw / "june.npz").write_bytes(b"")
    code, out, _ = run(capsys, "read", raw / "june.npz", "--modality", "made_images")
    assert code == 1
    assert f"refused     {raw}/june.npz: torn" in out


def test_read_of_what_nobody_knows_says_who_was_asked(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("nothing")
    code, _, err = run(capsys, "read", tmp_path)
    assert code != 0
    assert "no reader recognises anything here (asked: " in err
    assert "test.npz.v1" in err
