"""How fast a run is: what was done between two flushes, and what is left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from olmoearth_core.data.sample import TrainBatch

T = TypeVar("T")


@dataclass
class Meter:
    """Adds up between flushes.

    clock: seconds, monotonic. waited: seconds spent waiting for data.
    tokens: encoded plus decoded, over all ranks and views.
    """

    clock: Callable[[], float]
    steps: int = 0
    tokens: int = 0
    samples: int = 0
    waited: float = 0.0
    _since: float | None = None

    def timed(self, batches: Iterable[T]) -> Iterator[T]:
        """Yield the batches and count how long each was waited for."""
        iterator = iter(batches)
        while True:
            before = self.clock()
            if self._since is None:
                self._since = before
            try:
                batch = next(iterator)
            except StopIteration:
                return
            self.waited += self.clock() - before
            yield batch

    def counted(self, tokens: int, samples: int) -> None:
        """Count a finished step."""
        self.steps, self.tokens, self.samples = self.steps + 1, self.tokens + tokens, self.samples + samples

    def skip(self, seconds: float) -> None:
        """Leave time out that was not spent training: checkpoints and evaluations."""
        if self._since is not None:
            self._since += seconds

    def read(self, steps_left: int) -> dict[str, float]:
        """Return speeds since the last reading and begin anew; call it when the device is idle."""
        now = self.clock()
        seconds = max(now - (self._since if self._since is not None else now), 1e-9)
        speeds = {
            "throughput/tokens_per_second": self.tokens / seconds,
            "throughput/samples_per_second": self.samples / seconds,
            "throughput/steps_per_second": self.steps / seconds,
            "throughput/data_wait_share": min(1.0, self.waited / seconds),
            "throughput/seconds_left": max(0, steps_left) * seconds / max(self.steps, 1),
        }
        self.steps = self.tokens = self.samples = 0
        self.waited, self._since = 0.0, now
        return speeds


def tokens_of(batch: TrainBatch) -> int:
    """Count the tokens that are encoded or decoded, over all views; 0 where the loader did not count."""
    return sum(sum(c.encode_rows()) + sum(c.decode_rows()) for c in batch.counts if c is not None)
