"""A folder of raw files becomes a store, whole after any kill and the same every time."""

import multiprocessing
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from olmoearth_core.convert.convert import convert
from olmoearth_core.errors import DataError, OtherModality
from olmoearth_core.ingest.local import bounds_of, build_readers, scan, spans
from olmoearth_core.ingest.run import ingest
from olmoearth_core.ingest.tile import Choices
from olmoearth_core.ingest.windows import Window
from olmoearth_core.kinds import registry

TIME = datetime(2020, 6, 8, tzinfo=UTC)
MONTHS = [np.datetime64("2019-12-15") + 30 * n for n in range(12)]


def tree(folder: Path):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def cells(made):
    return [replace(made.cell, col=195 + n) for n in range(4)]


@pytest.fixture
def windows(cells):
    return [Window(cell, TIME) for cell in cells]


@pytest.fixture
def raw(made, cells, tmp_path):
    """Twelve months and a map of each of four cells, a torn file and a stranger."""
    rng = np.random.default_rng(0)
    for number, cell in enumerate(cells):
        months = rng.integers(1, 4000, (12, 3, 1, 256), dtype=np.uint16).repeat(256, axis=2)
        made.write_npz(tmp_path / "raw" / f"{number}" / "months.npz", months, MONTHS, cell)
    (tmp_path / "raw" / "torn.npz").write_bytes(b"PK no archive")
    (tmp_path / "raw" / "notes.txt").write_text("not a product")
    return tmp_path / "raw"


@pytest.fixture
def finders(made, raw):
    return scan(raw, [made.images], [made.reader()])[0]


def test_a_torn_file_is_named_and_the_others_are_found(made, raw):
    found, faults = scan(raw, [made.images, made.classes], [made.reader(modalities=("made_images",))])
    assert {name: len(scenes.scenes) for name, scenes in found.items()} == {"made_images": 48, "made_classes": 0}
    assert len(faults) == 1
    assert f"{raw}/torn.npz: torn" in faults[0]


def test_every_window_becomes_a_tile_that_the_converter_reads(made, raw, finders, windows, tmp_path):
    report = ingest(tmp_path / "store", windows, [made.images], finders)
    assert report.counts == {"written": 4, "kept": 0, "skipped": 0, "failed": 0}
    assert [o.steps for o in report.outcomes] == [12] * 4
    converted = convert(tmp_path / "store", tmp_path / "h5", [made.images], tile_size=128)
    assert (converted.num_samples, converted.quarantined, converted.notes) == (16, {}, ())


def test_windows_without_files_are_skipped_and_counted(made, finders, windows, tmp_path):
    far = Window(replace(made.cell, row=-1000), TIME)
    late = Window(replace(made.cell, col=196), datetime(2015, 1, 1, tzinfo=UTC))
    report = ingest(tmp_path / "store", [far, windows[0], late], [made.images], finders)
    assert [(o.status, o.reason) for o in report.outcomes] == [
        ("skipped", "no scene has a pixel here in its time"), ("written", ""),
        ("skipped", "no scene has a pixel here in its time"),
    ]  # fmt: skip


def test_a_cell_that_is_listed_twice_is_made_once_at_its_first_time(made, finders, windows, tmp_path):
    later = Window(windows[0].cell, datetime(2021, 6, 8, tzinfo=UTC))
    report = ingest(tmp_path / "store", [windows[0], later, windows[0]], [made.images], finders)
    assert [(o.status, o.steps) for o in report.outcomes] == [("written", 12)]


def test_two_runs_workers_and_shards_write_the_same_bytes(made, finders, windows, tmp_path):
    windows = windows[:2]
    pool = registry.engines.get("olmoearth.pool.v1")(workers=2)
    ingest(tmp_path / "a", windows, [made.images], finders)
    ingest(tmp_path / "b", windows[::-1], [made.images], finders, engine=pool)
    for number in (1, 0):
        ingest(tmp_path / "c", windows, [made.images], finders, shard=(number, 2))
    assert tree(tmp_path / "a") == tree(tmp_path / "b") == tree(tmp_path / "c")
    again = ingest(tmp_path / "a", windows, [made.images], finders)
    assert again.counts["kept"] == 2
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def kill_and_restart(made, finders, windows, root, kills, seed):
    """Kill runs at random moments, look at what is visible, finish them, and compare with an undisturbed one."""
    ingest(root / "alone", windows, [made.images], finders)
    wanted, draw = tree(root / "alone"), np.random.default_rng(seed)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["olmoearth_core.ingest.run", "npz_reader"])

    def started(store):
        process = context.Process(target=ingest, args=(store, windows, [made.images], finders))
        process.start()
        return process

    started(root / "warm").join()
    begun = time.perf_counter()
    started(root / "timed").join()
    lasts = time.perf_counter() - begun
    assert tree(root / "timed") == wanted
    for number in range(kills):
        process = started(root / "killed")
        time.sleep(draw.uniform(0, lasts))
        process.kill()
        process.join()
        visible = {n: b for n, b in tree(root / "killed").items() if not Path(n).name.startswith(".")}
        assert visible.items() <= wanted.items(), f"after kill {number}"
        if draw.random() < 0.5 or number == kills - 1:
            ingest(root / "killed", windows, [made.images], finders)
            assert tree(root / "killed") == wanted, f"after kill {number}"
            (root / "killed").rename(root / f"done{number}")


def test_tiles_made_again_are_the_same_bytes(made, finders, windows, tmp_path):
    ingest(tmp_path / "a", windows[:2], [made.images], finders)
    before = tree(tmp_path / "a")
    report = ingest(tmp_path / "a", windows[:1], [made.images], finders, choices=Choices(overwrite=True))
    assert (report.counts["written"], tree(tmp_path / "a")) == (1, before)


def test_runs_killed_at_random_moments_end_with_the_same_bytes(made, finders, windows, tmp_path):
    kill_and_restart(made, finders, windows[:2], tmp_path, kills=4, seed=1)


@pytest.mark.slow
def test_fifty_kills_change_no_byte(made, finders, windows, tmp_path):
    kill_and_restart(made, finders, windows, tmp_path, kills=50, seed=2)


def test_two_readers_of_one_file_are_an_error_that_names_both(made, raw):
    both = [made.reader(), made.reader(name="test.other.v1")]
    with pytest.raises(DataError, match=r"months\.npz: test\.npz\.v1 and test\.other\.v1 both read it as made_images"):
        scan(raw, [made.images], both)
    assert len(scan(raw, [made.images], both[1:])[0]["made_images"].scenes) == 48


def test_products_of_another_modality_are_passed_over_and_named_only_where_none_is_left(made, raw):
    class Some(made.reader):
        def read(self, path, spec, *, bands=None):
            if Path(path).parent.name != "0" or spec.name == "made_classes":
                raise OtherModality(f"{path}: holds something else")
            return super().read(path, spec, bands=bands)

    found, faults = scan(raw, [made.images, made.classes], [Some(modalities=("made_images", "made_classes"))])
    assert {Path(scene.path).parent.name for scene in found["made_images"].scenes} == {"0"}
    assert found["made_classes"].scenes == ()
    (fault,) = faults
    assert fault.endswith("months.npz: holds something else")


def test_a_reader_is_chosen_by_name_and_options_reach_those_that_take_them(made):
    def strict(*, suffix: str = ".npz"):
        return made.reader(suffix=suffix)

    def plain():
        return made.reader(name="test.plain.v1")

    factories = {"test.npz.v1": strict, "test.plain.v1": plain}
    names = ["made_images"]
    assert [r.name for r in build_readers(factories, names, None, {})] == ["test.npz.v1", "test.plain.v1"]
    assert [r.suffix for r in build_readers(factories, names, "test.npz.v1", {"suffix": ".x"})] == [".x"]
    assert build_readers(factories, ["something_else"], None, {}) == []
    with pytest.raises(DataError, match=r'option "unit": no reader here takes it\. Known: suffix'):
        build_readers(factories, names, None, {"unit": "db"})


def test_a_recognised_folder_is_one_product(made, raw):
    class Folders(made.reader):
        def recognises(self, path):
            return Path(path).name == "0"

        def read(self, path, spec, *, bands=None):
            return super().read(f"{path}/months.npz", spec, bands=bands)

    found, faults = scan(raw, [made.images], [Folders()])
    assert faults == ()
    assert {Path(scene.path).name for scene in found["made_images"].scenes} == {"0"}


def test_months_last_until_the_next_and_images_are_moments(made):
    values = np.ones((12, 3, 2, 2))
    monthly = [np.datetime64(f"2020-{month:02}-01") for month in range(1, 13)]
    found = spans(made.on_cell(values, times=monthly), made.images)
    assert found[1] == (datetime(2020, 2, 1, tzinfo=UTC), datetime(2020, 3, 1, tzinfo=UTC))
    # The last is as long as the one before.
    assert found[11][1] == datetime(2020, 12, 31, tzinfo=UTC)
    weekly = [np.datetime64("2020-01-01") + 7 * n for n in range(12)]
    assert all(start == end for start, end in spans(made.on_cell(values, times=weekly), made.images))
    ((start, end),) = spans(made.on_cell(values[:1], made.images, times=weekly[:1]), made.classes)
    assert (end - start).days == 365


@pytest.mark.parametrize(
    ("left", "width", "bounds"),
    [(10, 20, (10, 30)), (-180, 360, (-180, 180)), (0, 360, (-180, 180)), (170, 10, (170, 180)), (170, 20, (170, -170)),
     (190, 10, (-170, -160)), (-180, 5, (-180, -175)), (-10, 10, (-10, 0))],
)  # fmt: skip
def test_bounds_in_degrees_cross_the_antimeridian_where_the_scene_does(made, left, width, bounds):
    from rasterio.transform import Affine

    array = made.array(np.ones((1, 1, 10, width)), Affine(1, 0, left, 0, -1, 5), "EPSG:4326", bands=["a"])
    west, south, east, north = bounds_of(array)
    assert (west, east, south, north) == (*bounds, -5, 5)


def test_bounds_of_a_zone_across_the_antimeridian_have_west_beyond_east(made):
    from olmoearth_core.ingest.place import cell_at

    cell = cell_at(179.999, 50.0)
    west, south, east, north = bounds_of(made.on_cell(np.ones((1, 3, 256, 256)), cell=cell))
    assert west > 179.9
    assert east < -179.9
    assert (south, north) == pytest.approx((49.98, 50.02), abs=0.03)


def test_modalities_off_the_grid_and_without_readers_are_refused_before_work(made, finders, windows, tmp_path):
    for spec, says in (
        (replace(made.images, grid_factor=256), "no tiles on the 10 m grid"),
        (replace(made.images, parsed=False, derived_from="x"), "is derived from x"),
        (replace(made.images, name="other"), "nobody finds its scenes"),
    ):
        with pytest.raises(DataError, match=says):
            ingest(tmp_path / "store", windows, [spec], finders)
    assert not (tmp_path / "store").exists()
