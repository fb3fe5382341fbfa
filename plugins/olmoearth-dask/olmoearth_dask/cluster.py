"""A dask cluster as an engine: work survives the death of any worker, not that of the scheduler.

Few tasks are with the scheduler at a time, so a million items cost it nothing. Nothing travels but jobs, items and
small results: whatever the job reads and writes must lie in folders that all workers and this process share.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.engine import Engine, Item, Result

if TYPE_CHECKING:
    from distributed import Client, Future

NAME = "dask.distributed.v1"
AHEAD = 2
"""Tasks in flight per worker: one at work and one waiting there."""
POLL = 2.0
"""Seconds after which we look whether there are still workers."""


def distributed(*, scheduler: str, retries: int = 2, timeout: float = 30.0, patience: float = 600.0) -> Engine:
    """Workers of a dask cluster that share the folders of the data with this machine.

    scheduler: its address, tcp://host:8786 or tls://host:8786. retries: further tries of an item whose job raised.
    timeout: seconds to wait for the scheduler. patience: seconds to wait for a first worker, or for new ones when all
    are gone.
    """
    if "://" not in scheduler:
        raise ConfigError(f'{NAME}: scheduler is "{scheduler}", expected an address such as tcp://localhost:8786.')
    for name, value in (("retries", retries), ("timeout", timeout), ("patience", patience)):
        if value < 0:
            raise ConfigError(f"{NAME}: {name} is {value}, expected 0 or more.")
    return _Cluster(scheduler, retries, timeout, patience)


@dataclass(frozen=True)
class _Cluster:
    scheduler: str
    retries: int
    timeout: float
    patience: float
    name: str = NAME

    def run(self, job: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        client = self._connected()
        try:
            yield from self._handed_out(client, job, iter(items))
        finally:
            # Futures that are forgotten are cancelled, so an early end stops what is waiting.
            client.close(timeout=5)  # type: ignore[no-untyped-call]

    def _connected(self) -> Client:
        from distributed import Client

        try:
            made: Any = Client
            client: Client = made(self.scheduler, timeout=self.timeout, set_as_default=False, name="olmoearth")
            return client
        except (OSError, ValueError) as error:
            raise DataError(
                f"{self.scheduler}: no dask scheduler answers there within {self.timeout:g} s ({_line(error)}). "
                "Start one with `dask scheduler` and workers with `dask worker --nthreads 1 ADDRESS`, or correct the "
                "address."
            ) from error

    def _handed_out(self, client: Client, job: Callable[[Item], Result], waiting: Iterator[Item]) -> Iterator[Result]:
        running: list[Future[Any]] = []
        quiet_since = time.monotonic()
        while True:
            workers = self._workers(client)
            wanted = max(1, AHEAD * workers) - len(running)
            running += [self._submitted(client, job, item) for item in islice(waiting, max(0, wanted))]
            if not running:
                return
            done = self._first(running)
            if workers or done:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > self.patience:
                raise DataError(
                    f"{self.scheduler}: has had no worker for {self.patience:g} s. Start some with "
                    f"`dask worker --nthreads 1 {self.scheduler}`, then the same command again: finished work is kept."
                )
            running = [future for future in running if future not in done]
            yield from map(self._result, done)

    def _submitted(self, client: Client, job: Callable[[Item], Result], item: Item) -> Future[Any]:
        # Impure, so that an item that is listed twice is answered twice.
        return client.submit(job, item, pure=False, retries=self.retries)

    def _workers(self, client: Client) -> int:
        try:
            workers: dict[str, Any] = client.scheduler_info(n_workers=-1)["workers"]
        except OSError as error:
            raise self._gone(error) from error
        several = [address for address, worker in workers.items() if worker["nthreads"] != 1]
        if several:
            raise DataError(
                f"{several[0]}: this worker runs {workers[several[0]]['nthreads']} threads, expected 1, because HDF5 "
                "lets one thread work at a time. Start it with `dask worker --nthreads 1 --nworkers auto`."
            )
        return len(workers)

    def _first(self, running: list[Future[Any]]) -> list[Future[Any]]:
        from distributed import wait
        from distributed.client import FutureCancelledError

        try:
            with running[0].client.as_current():
                found = wait(running, timeout=POLL, return_when="FIRST_COMPLETED")  # type: ignore[no-untyped-call]
                return list(found.done)
        except TimeoutError:
            return []
        except FutureCancelledError as error:
            raise self._gone(error) from error

    def _result(self, future: Future[Any]) -> Any:
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError

        try:
            return future.result()
        except KilledWorker as error:
            raise DataError(
                f"{self.scheduler}: workers died over one item again and again, most likely for lack of memory "
                f"({_line(error)}). Give workers more memory, then start the same command again: finished work is kept."
            ) from error
        except (FutureCancelledError, OSError) as error:
            if isinstance(error, OSError) and future.status == "error":
                raise
            raise self._gone(error) from error
        except ImportError as error:
            raise DataError(
                f"{self.scheduler}: a worker cannot import what the job needs ({_line(error)}). Install the same "
                "packages, in the same versions, on all workers."
            ) from error

    def _gone(self, error: BaseException) -> DataError:
        return DataError(
            f"{self.scheduler}: the connection to the scheduler was lost ({_line(error)}). Start the same command "
            "again when it is back: finished work is kept."
        )


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
