"""How often servers are asked: evenly spaced, over all processes that share a cache folder.

The next free moment is kept in a small locked file. A lock goes with the process that holds it, so a killed process
blocks nobody.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from olmoearth_core.errors import DataError

_FAR = 3600.0
"""Seconds; a moment so far ahead was written by a clock that has been set back."""


@dataclass(frozen=True)
class Rate:
    """At most `per_second` requests per second; None = as fast as answers come. file: where the next moment is kept."""

    per_second: float | None
    file: Path
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if self.per_second is not None and not 0 < self.per_second <= 1000:
            raise DataError(f"rate = {self.per_second}: expected requests per second above 0, up to 1000.")

    def wait(self) -> None:
        """Sleep until the next request is due."""
        if self.per_second is None:
            return
        now, due = self.clock(), self._reserve(1.0 / self.per_second)
        if due > now:
            self.sleep(due - now)

    def _reserve(self, apart: float) -> float:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a+", encoding="ascii") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.seek(0)
                now, due = self.clock(), _number(file.read(40))
                start = due if now < due < now + _FAR else now
                file.truncate(0)
                file.write(f"{start + apart:.6f}")
                return start
        except OSError as error:
            raise DataError(f"{self.file}: cannot be written ({error.strerror}). Give another --cache.") from error


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
