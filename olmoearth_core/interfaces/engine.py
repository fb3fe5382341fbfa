"""Engines: where independent pieces of work run (this process, processes of this machine, a cluster).

An engine knows nothing of tiles or samples. Work that must survive a crash writes down what it finished by itself;
an engine only promises that each item is answered once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar, runtime_checkable

Item = TypeVar("Item")
Result = TypeVar("Result")


@runtime_checkable
class Engine(Protocol):
    """Runs one job on many items.

    Frozen dataclasses with a field `name` will do. Making an engine starts nothing.
    """

    @property
    def name(self) -> str:
        """The component's name."""
        ...

    def run(self, job: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield `job(item)` of every item as they complete, in any order, each exactly once.

        job: picklable, as items and results are. It may run twice for an item (a machine died, or only seemed to),
        so it must be idempotent; files that it writes are written under another name and renamed. items: taken as
        needed, so that few are in flight however many there are. Results must be small: they travel.
        An exception of the job ends the run and is raised as it is; DataError, with what to do, if workers die or
        cannot be reached. Ending the iteration early stops what is still waiting.
        """
        ...
