"""Processes of this machine, or none: work is handed out as fast as it is done, never queued up.

Workers come from a fork server, because a fork of a process with threads (GDAL, HDF5, a progress bar) may hang.
They end when the process that started them is gone, however it died.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from typing import Any

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.engine import Engine, Item, Result

NAME = "olmoearth.pool.v1"
AHEAD = 2
"""Items in flight per worker: one at work and one waiting, so that no worker waits for this process."""


def pool(*, workers: int | None = None, max_tasks_per_child: int | None = None) -> Engine:
    """Processes of this machine, one per core unless told otherwise.

    workers: processes; 0 runs everything in this one, null starts one per usable core.
    max_tasks_per_child: items after which a worker is replaced, against libraries that keep memory; null = never.
    """
    count = len(os.sched_getaffinity(0)) if workers is None else workers
    if count < 0:
        raise ConfigError(f"{NAME}: workers is {count}, expected 0 (this process) or more.")
    if max_tasks_per_child is not None and max_tasks_per_child < 1:
        raise ConfigError(f"{NAME}: max_tasks_per_child is {max_tasks_per_child}, expected 1 or more, or null.")
    return _Pool(count, max_tasks_per_child)


@dataclass(frozen=True)
class _Pool:
    workers: int
    max_tasks_per_child: int | None = None
    name: str = NAME

    def run(self, job: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        if self.workers == 0:
            yield from map(job, items)
            return
        try:
            yield from self._handed_out(job, items)
        except BrokenProcessPool as error:
            raise DataError(
                "a worker process was killed, most likely for lack of memory. Start the same command again with "
                "fewer --workers: finished work is kept."
            ) from error

    def _handed_out(self, job: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        waiting = iter(items)
        executor = ProcessPoolExecutor(
            self.workers, _context(), initializer=_end_with_parent, max_tasks_per_child=self.max_tasks_per_child
        )
        try:
            running: set[Future[Any]] = {executor.submit(job, i) for i in islice(waiting, AHEAD * self.workers)}
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                running |= {executor.submit(job, item) for item in islice(waiting, len(done))}
                yield from (future.result() for future in done)
        finally:
            executor.shutdown(cancel_futures=True)


def _context() -> Any:
    methods = multiprocessing.get_all_start_methods()
    return multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")


def _end_with_parent() -> None:
    """End this worker when its parent is gone: a parent killed by -9 cannot tell its workers to stop."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
