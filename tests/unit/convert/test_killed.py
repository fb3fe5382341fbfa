"""Conversions that are killed, shared or run elsewhere end with the same bytes as one that nobody disturbed."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import numpy as np
import pytest

from olmoearth_core.convert.convert import convert
from olmoearth_core.convert.grid import Cell
from olmoearth_core.convert.samples import plan
from olmoearth_core.convert.tile_job import TileJob
from olmoearth_core.convert.tiles import read_table
from olmoearth_core.errors import DataError
from olmoearth_core.kinds import registry

CELLS = [Cell("EPSG:32610", 16, col, -1968) for col in range(165, 169)]


def pool(workers: int):
    return registry.engines.get("olmoearth.pool.v1")(workers=workers)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def chosen(specs):
    return [specs["optical"], specs["radar"], specs["cover"]]


@pytest.fixture
def store(write_store, chosen):
    return write_store(chosen, cells=CELLS)


def in_a_process(store, out, chosen, workers: int):
    """Start a conversion in a process of its own, from a server that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["olmoearth_core.convert.convert", "olmoearth_plugins.engines.pool"])
    process = context.Process(target=convert, args=(store, out, chosen), kwargs={"engine": pool(workers)})
    process.start()
    return process


def kill_and_restart(store, chosen, root: Path, kills: int, seed: int) -> int:
    """Kill conversions at random moments, each once or more often before it may end; compare each with `alone`."""
    convert(store, root / "alone", chosen)
    wanted, draw, done, finished = tree(root / "alone"), np.random.default_rng(seed), 0, 0
    in_a_process(store, root / "warm", chosen, 0).join()
    for workers, share in ((0, kills // 2), (2, kills)):
        started = time.perf_counter()
        in_a_process(store, root / f"timed{workers}", chosen, workers).join()
        lasts = time.perf_counter() - started
        while done < share:
            out = root / f"{workers}_{finished}"
            process = in_a_process(store, out, chosen, workers)
            time.sleep(draw.uniform(0, lasts))
            done += process.is_alive()
            process.kill()
            process.join()
            if draw.random() < 0.5 or done == share:
                convert(store, out, chosen)
                assert tree(out) == wanted, f"after {done} kills"
                finished += 1
    return finished


def test_five_kills_at_random_moments_change_no_byte(store, chosen, tmp_path):
    assert kill_and_restart(store, chosen, tmp_path, kills=5, seed=1) >= 2


@pytest.mark.slow
def test_fifty_kills_at_random_moments_change_no_byte(store, chosen, tmp_path):
    assert kill_and_restart(store, chosen, tmp_path, kills=50, seed=2) >= 15


def test_three_shards_together_give_the_bytes_of_one_run(store, chosen, tmp_path):
    convert(store, tmp_path / "alone", chosen)
    reports = [convert(store, tmp_path / "out", chosen, shard=(i, 3)) for i in (2, 0, 1)]
    assert [r.path is None for r in reports] == [True, True, False]
    assert tree(tmp_path / "out") == tree(tmp_path / "alone")


def test_a_pool_gives_the_bytes_of_one_process(store, chosen, tmp_path):
    for workers in (0, 2):
        convert(store, tmp_path / str(workers), chosen, engine=pool(workers))
    assert tree(tmp_path / "0") == tree(tmp_path / "2")


def test_what_a_run_left_that_died_after_the_last_rename_is_removed(store, chosen, tmp_path, monkeypatch):
    monkeypatch.setattr("olmoearth_core.convert.dataset_writer.DatasetWriter.discard", lambda self: None)
    report = convert(store, tmp_path / "out", chosen)
    monkeypatch.undo()
    (Path(report.path).parent / ".converting.lock").touch()
    assert convert(store, tmp_path / "out", chosen).reused == 4
    assert [p.name for p in Path(report.path).parent.iterdir()] == ["16"]


def test_unfinished_files_of_a_killed_end_do_not_get_into_the_data_set(store, chosen, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("olmoearth_core.convert.manifest_db.write", killed)
    with pytest.raises(KeyboardInterrupt):
        convert(store, tmp_path / "out", chosen)
    monkeypatch.undo()
    (whole,) = (tmp_path / "out").rglob("whole")
    (whole / ".manifest.sqlite.0123").write_bytes(b"half")
    convert(store, tmp_path / "out", chosen)
    convert(store, tmp_path / "alone", chosen)
    assert tree(tmp_path / "out") == tree(tmp_path / "alone")


def test_a_machine_that_does_not_see_the_staging_folder_says_which_it_is(store, chosen, tmp_path, monkeypatch):
    def elsewhere(job, sample):
        job.writer.discard()
        return once(job, sample)

    once = TileJob.__call__
    monkeypatch.setattr(TileJob, "__call__", elsewhere)
    with pytest.raises(DataError, match=r"\.converting: not there on .* give --staging in a folder that they share"):
        convert(store, tmp_path / "out", chosen)
    assert len(plan({s.name: read_table(store, s) for s in chosen}, chosen)) == 4
