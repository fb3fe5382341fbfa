"""Tiles hold what the scenes had, in the store's own types and names, or are not there and say why."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import rasterio

from olmoearth_core.convert.rasters import load
from olmoearth_core.convert.tiles import read_table
from olmoearth_core.errors import DataError
from olmoearth_core.ingest.candidate import Candidate
from olmoearth_core.ingest.tables import own_table, read_rows, summarize
from olmoearth_core.ingest.tile import Choices, as_stored, make_tile
from olmoearth_core.ingest.unreachable import Unreachable
from olmoearth_core.ingest.windows import Window

TIME = datetime(2020, 6, 8, tzinfo=UTC)


def scene(made, value, time, spec=None, **more):
    spec = spec or made.images
    array = made.on_cell(np.full((1, spec.num_bands, 256, 256), float(value)), spec, source=f"scene {value}")
    return made.candidate(array, time=time, **more)


def year(made):
    """One scene in the middle of each of three months, and one before the year."""
    start = datetime(2020, 6, 1, tzinfo=UTC)
    return [scene(made, 10 * (n + 1), start + timedelta(days=d)) for n, d in enumerate((-175, 5, 100, -400))]


def tile(made, store, candidates, spec=None, **choices):
    choices = Choices(contract=False, **choices)
    return make_tile(Window(made.cell, TIME), spec or made.images, lambda window, spec: candidates, store, choices)


def test_months_with_scenes_are_written_in_order_and_the_others_are_not(made, tmp_path):
    outcome = tile(made, tmp_path, year(made))
    assert (outcome.status, outcome.steps, outcome.sources) == ("written", 3, ("scene 10", "scene 20", "scene 30"))
    rows = read_rows(own_table(tmp_path, made.images, made.cell), made.images)
    # The year is centred on 1 June 2020, seven days before the tile's time.
    assert [(r.image_idx, r.start.date().isoformat(), r.end.date().isoformat()) for r in rows] == [
        (0, "2019-12-04", "2020-01-03"), (1, "2020-06-01", "2020-07-01"), (2, "2020-08-30", "2020-09-29")
    ]  # fmt: skip


def test_the_store_is_read_back_by_the_converter(made, tmp_path):
    tile(made, tmp_path, year(made))
    summarize(tmp_path, made.images)
    table = read_table(tmp_path, made.images)
    assert table.faults == ()
    values = load(tmp_path, made.images, table.tiles[made.cell], made.cell)
    assert (values.shape, values.dtype) == ((256, 256, 3, 3), np.uint16)
    assert values[7, 9, :, 2].tolist() == [10, 20, 30]


def test_names_and_the_table_are_those_of_the_format(made, tmp_path):
    tile(made, tmp_path, year(made)[:1])
    table = summarize(tmp_path, made.images)
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*") if p.is_file()) == [
        "10_made_images_monthly.csv", "10_made_images_monthly/EPSG:32631_195_-2187_10.tif",
        "10_made_images_monthly/EPSG:32631_195_-2187_20.tif", "10_made_images_monthly_meta/EPSG:32631_10_195_-2187.csv",
    ]  # fmt: skip
    assert table.read_bytes() == (
        b"crs,col,row,tile_time,image_idx,start_time,end_time\r\nEPSG:32631,195,-2187,2020-06-08T00:00:00+00:00,0,"
        b"2019-12-04T00:00:00+00:00,2020-01-03T00:00:00+00:00\r\n"
    )
    with rasterio.open(tmp_path / "10_made_images_monthly/EPSG:32631_195_-2187_20.tif") as raster:
        assert (raster.crs.to_string(), raster.width, raster.count, raster.dtypes[0]) == (
            "EPSG:32631",
            128,
            1,
            "uint16",
        )
        assert raster.transform == made.cell.transform(32)


def test_a_map_is_one_step_with_its_own_time(made, tmp_path):
    old, now = (
        Candidate(c.source, c.start, c.start + timedelta(days=365), c.bounds, c.open, c.clear)
        for c in (scene(made, 10 * n, datetime(2019 + n, 1, 1, tzinfo=UTC), made.classes) for n in range(2))
    )
    outcome = tile(made, tmp_path, [old, now], made.classes)
    (row,) = read_rows(own_table(tmp_path, made.classes, made.cell), made.classes)
    assert (outcome.sources, row.image_idx, row.start.year, row.end.date().isoformat()) == (
        ("scene 10",),
        0,
        2020,
        "2020-12-31",
    )
    assert tile(made, tmp_path / "b", [old], made.classes).sources == ("scene 0",)


def test_a_tile_without_scenes_is_skipped_with_the_reason(made, tmp_path):
    far = scene(made, 1, datetime(2010, 1, 1, tzinfo=UTC))
    for candidates in ([], [far]):
        outcome = tile(made, tmp_path, candidates)
        assert (outcome.status, outcome.reason) == ("skipped", "no scene has a pixel here in its time")
    assert not list(tmp_path.rglob("*.*"))


def test_a_month_that_lacks_a_band_of_other_months_is_not_written(made, tmp_path):
    whole = scene(made, 1, TIME)
    partial = made.candidate(made.on_cell(np.ones((1, 3, 256, 256))).isel(band=[0, 1]), time=TIME + timedelta(days=60))
    outcome = tile(made, tmp_path, [whole, partial])
    assert (outcome.status, outcome.steps, outcome.sources) == ("written", 1, (whole.source,))


def test_a_band_that_no_scene_has_is_missing_in_the_sample_and_named(made, tmp_path):
    array = made.on_cell(np.full((1, 3, 256, 256), 7.0)).isel(band=[0, 1])
    outcome = tile(made, tmp_path, [made.candidate(array)])
    assert (outcome.status, outcome.notes) == ("written", ("written without c, which no scene has",))
    summarize(tmp_path, made.images)
    table = read_table(tmp_path, made.images).tiles
    found = load(tmp_path, made.images, table[made.cell], made.cell)
    assert found.dtype == np.int32
    assert {band: set(np.unique(found[..., i])) for i, band in enumerate("abc")} == {"a": {7}, "b": {7}, "c": {-99999}}


def test_a_bad_scene_is_named_and_the_month_is_made_of_others(made, tmp_path):
    def torn(bands):
        raise DataError("bad.tif: torn")

    bad = Candidate("bad.tif", TIME, TIME, made.bounds_around(made.cell), torn, lambda: None, cloud_cover=0.0)
    outcome = tile(made, tmp_path, [bad, scene(made, 5, TIME)])
    assert (outcome.status, outcome.steps, outcome.notes) == ("written", 1, ("bad.tif: torn",))
    outcome = tile(made, tmp_path / "b", [bad])
    assert (outcome.status, outcome.reason) == ("failed", "bad.tif: torn")


def test_a_tile_is_not_made_while_one_of_its_scenes_cannot_be_reached(made, tmp_path):
    def away(bands):
        raise Unreachable("far.tif: no answer")

    far = Candidate("far.tif", TIME, TIME, made.bounds_around(made.cell), away, lambda: None, cloud_cover=0.0)
    outcome = make_tile(Window(made.cell, TIME), made.images, lambda w, s: [far, scene(made, 5, TIME)], tmp_path)
    assert (outcome.status, outcome.reason) == ("failed", "far.tif: no answer")
    assert not list(tmp_path.rglob("*.*"))


def test_a_tile_that_is_there_is_kept_until_another_time_or_overwriting_is_asked_for(made, tmp_path):
    first = tile(made, tmp_path, year(made))
    assert (first.status, tile(made, tmp_path, []).status) == ("written", "kept")
    later = Window(made.cell, TIME + timedelta(days=1))
    assert make_tile(later, made.images, lambda w, s: [], tmp_path, Choices()).status == "skipped"
    assert not list(tmp_path.rglob("*.tif"))
    tile(made, tmp_path, year(made))
    again = tile(made, tmp_path, year(made)[1:2], overwrite=True)
    assert (again.status, again.steps) == ("written", 1)
    (tmp_path / "10_made_images_monthly/EPSG:32631_195_-2187_20.tif").unlink()
    assert tile(made, tmp_path, year(made)).status == "written"


def test_scenes_that_break_their_contract_are_refused_with_the_evidence(made, tmp_path):
    fractions = replace(made.images, contract=("counts_not_fractions",))
    array = made.on_cell(np.random.default_rng(0).random((1, 3, 256, 256)), fractions, source="fractions.tif")
    outcome = make_tile(Window(made.cell, TIME), fractions, lambda w, s: [made.candidate(array)], tmp_path)
    assert outcome.status == "failed"
    assert "fractions.tif: refused as made_images" in outcome.reason


def test_values_are_rounded_and_nothing_becomes_nodata(made):
    spec = replace(made.images, nodata=7.0)
    stored = as_stored(np.array([[[[1.5, 2.5, np.nan, 65535.4]]]], np.float32), spec)
    assert (stored.dtype, stored.ravel().tolist()) == (np.uint16, [2, 2, 7, 65535])
    power = replace(made.images, dtype="float32", nodata=-32768.0)
    assert as_stored(np.array([0.25, np.nan], np.float32), power).tolist() == [0.25, -32768.0]
    assert np.isnan(as_stored(np.array([np.nan], np.float32), replace(power, nodata=None))).all()


@pytest.mark.parametrize("value", [-1.0, 65536.0, np.inf])
def test_values_that_do_not_fit_are_refused_with_range_and_type(made, value):
    with pytest.raises(DataError, match=r"do not fit made_images's uint16 \(0 to 65535\)"):
        as_stored(np.array([5.0, value], np.float32), made.images)


def test_gaps_are_refused_where_the_modality_has_no_value_for_them(made):
    with pytest.raises(DataError, match=r"50\.0% of the tile is covered by no scene"):
        as_stored(np.array([5.0, np.nan], np.float32), replace(made.images, nodata=None))


def test_the_table_of_all_is_sorted_and_keeps_tiles_that_only_it_knows(made, tmp_path):
    for col in (200, 195, -3):
        cell = replace(made.cell, col=col)
        array = made.on_cell(np.ones((1, 3, 256, 256)), cell=cell)
        scenes = [made.candidate(array, time=TIME, bounds=made.bounds_around(cell))]
        make_tile(
            Window(cell, TIME), made.images, lambda w, s, scenes=scenes: scenes, tmp_path, Choices(contract=False)
        )
    first = summarize(tmp_path, made.images).read_bytes()
    assert [line.split(b",")[1] for line in first.splitlines()[1:]] == [b"-3", b"195", b"200"]
    (tmp_path / "10_made_images_monthly_meta/EPSG:32631_10_195_-2187.csv").unlink()
    assert summarize(tmp_path, made.images).read_bytes() == first
    (tmp_path / "10_made_images_monthly/EPSG:32631_195_-2187_20.tif").unlink()
    assert b"195" not in summarize(tmp_path, made.images).read_bytes()


@pytest.mark.parametrize(
    "content", [b"\xff", b"a,b\r\n1,2\r\n", b"crs,col,row,tile_time,image_idx,start_time,end_time\r\nx,1\r\n"]
)
def test_a_malformed_table_of_a_tile_is_named(made, tmp_path, content):
    path = own_table(tmp_path, made.images, made.cell)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"EPSG:32631_10_195_-2187\.csv: is no table of tiles"):
        summarize(tmp_path, made.images)
