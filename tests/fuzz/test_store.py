"""A damaged tile store: bad rows are notes, bad tiles are set aside by name, and all others are converted."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from fuzz_products import raster
from fuzz_stores import CELLS, IMAGES, SPECS, WEATHER, listing, write_store
from fuzzing import QUIET, folder, fuzzed, named

from olmoearth_core.convert.convert import convert
from olmoearth_core.convert.h5_writer import Storage
from olmoearth_core.convert.rasters import load
from olmoearth_core.convert.tile_job import Rules
from olmoearth_core.convert.tiles import read_table, table_path, tile_path
from olmoearth_core.errors import DataError
from olmoearth_core.ingest.tables import read_rows
from olmoearth_core.testing.damage import damaged

pytestmark = QUIET
RULES = Rules(min_timesteps=1)
GOOD = "EPSG:32610,165,-1968,2018-12-12T00:00:00+00:00,0,2018-06-08T00:00:00+00:00,2018-07-08T00:00:00+00:00"
HEAD = "crs,col,row,tile_time,image_idx,start_time,end_time"
OTHERS = {
    "no zone": GOOD.replace("EPSG:32610", "EPSG:99999999"),
    "another zone": GOOD.replace("32610", "32611"),
    "a path": GOOD.replace("EPSG:32610", "../../../EPSG:32610"),
    "a text": GOOD.replace("165", "west"),
    "a fraction": GOOD.replace("165", "165.5"),
    "a huge number": GOOD.replace("165", "9" * 400),
    "more digits than Python reads": GOOD.replace("165", "9" * 5000),
    "before the first": GOOD.replace(",0,2018", ",-1,2018"),
    "no time": GOOD.replace("2018-06-08T00:00:00+00:00", "yesterday"),
    "the year 0": GOOD.replace("2018-06-08", "0000-06-08"),
    "too few": "EPSG:32610,165",
    "too many": GOOD + ",1,2,3",
    "a byte of zero": GOOD.replace("EPSG", "EP\0SG"),
    "nothing": ",,,,,,",
    "the same again": GOOD,
}


@pytest.fixture(scope="module")
def kept():
    with folder() as place:
        yield write_store(Path(place) / "tiles")


@pytest.fixture
def store(kept, tmp_path):
    return shutil.copytree(kept, tmp_path / "in" / "tiles")


def converted(store, out, specs=SPECS):
    return convert(store, out, specs, rules=RULES, storage=Storage(compression="lz4"), tile_size=256)


@pytest.mark.parametrize("line", OTHERS.values(), ids=OTHERS)
def test_a_bad_row_is_a_note_and_the_others_are_converted(store, tmp_path, line):
    table = store / table_path("", IMAGES).lstrip("/")
    rows = table.read_text().splitlines()
    table.write_text("\n".join([*rows, line]) + "\n")
    before = listing(tmp_path / "in")
    report = converted(store, tmp_path / "out")
    assert report.num_samples == 2
    said = [*report.notes, *report.quarantined.values(), *report.dropped]
    assert line.endswith(",1,2,3") or any(f"{table.name}:6" in text or "EPSG" in text for text in said)
    assert listing(tmp_path / "in") == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "out"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\1\2\xff\xfe", b"a,b\n1,2\n", b"\xff\xfe" + f"{HEAD}\n".encode("utf-16-le"), b'"' + b"x" * 200_000],
    ids=["nothing", "no text", "other columns", "UTF-16", "a quote without end"],
)
def test_what_is_no_table_is_refused_by_name(store, content):
    table = store / table_path("", IMAGES).lstrip("/")
    table.write_bytes(content)
    with pytest.raises(DataError, match=table.name):
        read_table(store, IMAGES)
    if content:
        with pytest.raises(DataError, match=table.name):
            read_rows(table, IMAGES)


def test_a_mark_of_byte_order_is_no_part_of_a_name(store):
    table = store / table_path("", IMAGES).lstrip("/")
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes())
    assert sorted(read_table(store, IMAGES).tiles) == CELLS


@fuzzed(150)
def test_a_damaged_table_gives_rows_or_a_named_error(kept, seed):
    table = kept / table_path("", IMAGES).lstrip("/")
    content = table.read_bytes()
    table.write_bytes(damaged(content, seed)[1])
    try:
        for read in (lambda: read_table(kept, IMAGES), lambda: read_rows(table, IMAGES)):
            with named(table.name):
                read()
    finally:
        table.write_bytes(content)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
@fuzzed(60)
def test_a_damaged_tile_gives_pixels_or_a_named_error(kept, spec, seed):
    one_tile(kept, spec, seed)


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
@fuzzed(2000)
def test_a_damaged_tile_gives_pixels_or_a_named_error_at_length(kept, spec, seed):
    one_tile(kept, spec, seed)


def one_tile(kept, spec, seed):
    path = kept / tile_path("", spec, CELLS[0], spec.band_sets[0]).lstrip("/")
    content = path.read_bytes()
    tile = read_table(kept, spec).tiles[CELLS[0]]
    path.write_bytes(damaged(content, seed)[1])
    try:
        with named(path.name):
            assert load(kept, spec, tile, CELLS[0]).dtype.kind in "iuf"
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize("seed", [0, 8, 4, 12])
def test_a_damaged_tile_is_set_aside_by_name_and_the_other_is_converted(store, tmp_path, seed):
    path = store / tile_path("", IMAGES, CELLS[0], IMAGES.band_sets[0]).lstrip("/")
    path.write_bytes(damaged(path.read_bytes()[:4000], seed)[1])
    report = converted(store, tmp_path / "out")
    assert report.num_samples == 1
    assert [path.name in text for text in report.quarantined.values()] == [True]


@fuzzed(20)
def test_damaged_weather_is_converted_or_set_aside(kept, seed):
    path = kept / tile_path("", WEATHER, CELLS[0], WEATHER.band_sets[0]).lstrip("/")
    content = path.read_bytes()
    # Values alone, so that they become numbers of any size.
    path.write_bytes(damaged(content, seed // 8 * 8 + 1)[1])
    try:
        with folder() as out:
            report = converted(kept, out)
    finally:
        path.write_bytes(content)
    assert all(path.name in text for text in report.quarantined.values())
    assert report.num_samples == 2 - len(report.quarantined)


@pytest.mark.parametrize("kind", ["complex64", "float64"])
def test_pixels_of_another_kind_are_refused_or_read(store, tmp_path, kind):
    path = store / tile_path("", IMAGES, CELLS[0], IMAGES.band_sets[0]).lstrip("/")
    raster(path, np.ones((2, 256, 256), kind), crs="EPSG:32610", transform=CELLS[0].transform(16))
    report = converted(store, tmp_path / "out")
    assert report.num_samples == (1 if kind == "complex64" else 2)
    assert [path.name in text for text in report.quarantined.values()] == [True] * (kind == "complex64")


def test_a_neighbour_of_gdals_changes_nothing(store):
    path = store / tile_path("", WEATHER, CELLS[0], WEATHER.band_sets[0]).lstrip("/")
    tile = read_table(store, WEATHER).tiles[CELLS[0]]
    before = load(store, WEATHER, tile, CELLS[0])
    path.with_name(path.name + ".aux.xml").write_text("<PAMDataset><SRS>EPSG:4326</SRS></PAMDataset>")
    assert np.array_equal(load(store, WEATHER, tile, CELLS[0]), before)
