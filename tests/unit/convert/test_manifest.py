"""What a finished data set tells about where it came from, and whether that is true."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from olmoearth_core.cli.dataset_report import lines
from olmoearth_core.convert.band_facts import band_facts
from olmoearth_core.convert.convert import convert
from olmoearth_core.convert.dataset_writer import read_records
from olmoearth_core.convert.grid import Cell
from olmoearth_core.convert.tiles import tile_path
from olmoearth_core.convert.verify import verify
from olmoearth_core.errors import DataError
from olmoearth_core.lookup import modalities

CELLS = [Cell("EPSG:32610", 16, 165, -1968), Cell("EPSG:32610", 16, 166, -1968)]


def ask(folder: Path, question: str) -> list[tuple]:
    with closing(sqlite3.connect(folder / "manifest.sqlite")) as db:
        return db.execute(question).fetchall()


@pytest.fixture
def folder(write_store, specs):
    chosen = [specs["optical"], specs["radar"]]
    root = write_store(chosen, cells=CELLS)
    Path(tile_path(root, specs["radar"], CELLS[1], specs["radar"].band_sets[0])).unlink()
    return Path(convert(root, root / "out", chosen).path)


def test_every_sample_names_the_files_it_was_made_of_with_their_true_hashes(folder):
    root = folder.parents[3]
    rows = ask(folder, "SELECT path, sha256 FROM sources ORDER BY id")
    assert [path for path, _ in rows] == sorted(path for path, _ in rows)
    assert len(rows) == 3
    assert all(hashlib.sha256((root / path).read_bytes()).hexdigest() == sha for path, sha in rows)
    assert ask(folder, "SELECT sample, count(*) FROM sample_sources GROUP BY sample") == [(i, 3) for i in range(4)]


def test_the_facts_of_bands_are_those_of_the_stored_arrays(folder):
    with h5py.File(folder / "sample_2.h5") as file:
        stored = {name: file[name][()] for name in ("optical", "radar")}
    for modality, band, count, mean, low, high in ask(
        folder, "SELECT modality, band, count, mean, min, max FROM bands WHERE sample = 2"
    ):
        values = stored[modality][..., {"o1": 0, "o2": 1, "o3": 2, "r1": 0}[band]].astype(np.float64)
        assert (count, low, high) == (values.size, values.min(), values.max())
        assert mean == pytest.approx(values.mean(), rel=1e-12)


def test_a_tile_set_aside_is_listed_with_its_reason(folder):
    ((tile, reason),) = ask(folder, "SELECT tile, reason FROM set_aside")
    assert tile == CELLS[1].window_name
    assert "not found" in reason


def test_a_part_that_makes_no_sample_is_listed_with_its_reason(write_store, specs):
    root = write_store([specs["optical"]], cells=CELLS)
    write_store([specs["cover"]], cells=CELLS[:1])
    from olmoearth_core.convert.tile_job import Rules

    path = Path(convert(root, None, [specs["optical"], specs["cover"]], rules=Rules(required=("cover",))).path)
    reasons = [reason for (reason,) in ask(path, "SELECT reason FROM no_sample ORDER BY number")]
    assert len(reasons) == 4
    assert all("required cover not there" in reason for reason in reasons)
    assert json.loads((path / "manifest.json").read_text())["dropped"] == reasons


def test_versions_of_code_plugins_and_libraries_are_kept(write_store):
    specs = modalities(["worldcover", "sentinel1"])
    path = Path(convert(write_store(specs), None, specs).path)
    manifest = json.loads((path / "manifest.json").read_text())
    assert list(manifest["plugins"]) == ["olmoearth-sentinel1", "olmoearth-worldcover"]
    assert manifest["libraries"]["h5py"] == h5py.__version__
    assert manifest["modalities"]["sentinel1"]["storage"] == "power_to_db"
    assert json.loads(ask(path, "SELECT value FROM facts WHERE name = 'plugins'")[0][0]) == manifest["plugins"]
    shown = "\n".join(lines(verify(str(path), {s.name: s for s in specs}), {}))
    assert "2 files, with their hashes in manifest.sqlite" in shown
    assert "olmoearth-sentinel1 0.1.0" in shown


def test_equal_conversions_give_equal_databases(folder, specs):
    again = Path(convert(folder.parents[3], folder.parents[3] / "again", [specs["optical"], specs["radar"]]).path)
    assert (again / "manifest.sqlite").read_bytes() == (folder / "manifest.sqlite").read_bytes()


def test_a_data_set_of_the_first_format_is_still_read(folder, specs):
    (folder / "manifest.sqlite").unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    for key in ("plugins", "libraries", "dropped"):
        del manifest[key]
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": 1}))
    findings = verify(str(folder), specs)
    assert (findings.problems, findings.source_files) == ([], None)
    assert "made by     olmoearth 0.1.0" in list(lines(findings, specs))
    assert len(read_records(str(folder))) == 4


def test_a_database_that_is_none_is_reported_by_name(folder, specs):
    (folder / "manifest.sqlite").write_bytes(b"SQLite format 3\0" + bytes(200))
    with pytest.raises(DataError, match=r"manifest\.sqlite: cannot be read"):
        verify(str(folder), specs)


@given(
    st.sampled_from(["uint8", "uint16", "int16", "int32", "float32"]).flatmap(
        lambda kind: arrays(
            kind, array_shapes(min_dims=2, max_dims=4, max_side=5),
            elements=st.floats(-1000, 1000, width=32) if kind == "float32" else None,
        )
    )
)  # fmt: skip
def test_facts_equal_those_of_numpy(array):
    for band, (count, mean, low, high) in enumerate(band_facts(array)):
        values = array[..., band].astype(np.float64)
        values = values[values != -99999]
        assert count == values.size
        if count:
            assert (low, high) == (values.min(), values.max())
            assert mean == pytest.approx(values.mean(), rel=1e-6, abs=1e-3)


@pytest.mark.parametrize("hole", [-99999.0, np.nan, np.inf, -np.inf])
def test_values_that_are_not_there_do_not_count(hole):
    array = np.full((4, 4, 2, 2), 5, np.float32)
    array[0, 0, 0, 0] = array[:, :, :, 1] = hole
    assert band_facts(array) == [(31, 5.0, 5.0, 5.0), (0, None, None, None)]
