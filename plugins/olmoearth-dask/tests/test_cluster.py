"""Work on a real dask cluster: it is done once each, survives its workers, and says what is wrong."""

from __future__ import annotations

import operator
import os
import signal
from functools import partial
from pathlib import Path

import pytest

from olmoearth_core.convert.convert import convert
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.kinds import registry
from olmoearth_core.lookup import modalities

SPECS = modalities(["worldcover", "sentinel1"])


def cluster(scheduler, **settings):
    return registry.engines.get("dask.distributed.v1")(scheduler=scheduler, **settings)


def files(folder) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}


def store(root, tiles=6) -> Path:
    return registry.sources.get("simulate.landscape.v1")(seed=5, tiles=tiles).write(root, SPECS)


def test_an_address_without_a_scheduler_is_an_error_that_says_how_to_start_one():
    with pytest.raises(DataError, match=r"no dask scheduler answers there within 1 s .*`dask scheduler`"):
        list(cluster("tcp://127.0.0.1:9", timeout=1).run(abs, [1]))


def test_a_scheduler_that_is_no_address_is_refused():
    with pytest.raises(ConfigError, match="expected an address such as tcp://localhost:8786"):
        cluster("localhost")


def test_every_item_is_answered_once_and_errors_arrive_as_they_are(scheduler, start_worker):
    start_worker()
    engine = cluster(scheduler, retries=0, patience=30)
    assert sorted(engine.run(abs, iter([-3, 1, 1, *range(50)]))) == sorted([3, 1, 1, *range(50)])
    with pytest.raises(ZeroDivisionError):
        list(engine.run(partial(operator.floordiv, 1), [0]))


def test_without_workers_the_run_ends_with_advice(scheduler):
    with pytest.raises(DataError, match=r"has had no worker for 0\.5 s"):
        list(cluster(scheduler, patience=0.5).run(abs, [1]))


@pytest.mark.slow
def test_both_workers_killed_in_the_middle_lose_nothing(scheduler, start_worker, tmp_path):
    tiles = store(tmp_path / "tiles")
    alone = convert(tiles, tmp_path / "alone", SPECS)
    workers, seen = [start_worker(), start_worker()], []

    def progress(done: int, number: int) -> None:
        seen.append(done)
        if done == 2:
            for worker in workers:
                os.kill(worker.pid, signal.SIGKILL)
            start_worker(), start_worker()

    report = convert(tiles, tmp_path / "out", SPECS, engine=cluster(scheduler), progress=progress)
    assert [worker.wait(timeout=30) for worker in workers] == [-signal.SIGKILL] * 2
    assert (report.num_samples, seen) == (alone.num_samples, list(range(1, 7)))
    assert files(tmp_path / "out") == files(tmp_path / "alone")
