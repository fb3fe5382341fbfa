"""Our converter as one side of `convert.py`.

    python convert_ours.py TILES OUT LAYOUT WORKERS NAMES...

Converts the store each time a line arrives and answers with one line of JSON.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from olmoearth_core.convert.convert import convert
from olmoearth_core.convert.h5_writer import Storage
from olmoearth_core.convert.tile_job import Rules
from olmoearth_core.kinds import registry
from olmoearth_core.lookup import modalities


@dataclass(frozen=True)
class Weighed:
    """A job that notes the peak memory of the process it runs in, in MB: workers are no children of this program."""

    job: Callable[[Any], Any]
    notes: str

    def __call__(self, item: Any) -> Any:
        """Do it and note the peak."""
        result = self.job(item)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        Path(self.notes, str(os.getpid())).write_text(str(peak))
        return result


@dataclass(frozen=True)
class Weighing:
    """An engine whose jobs are weighed."""

    engine: Any
    notes: str
    name: str = "benchmark.weighing.v1"

    def run(self, job: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Run the weighed job."""
        yield from self.engine.run(Weighed(job, self.notes), items)


def main() -> None:
    tiles, out, layout, workers, *names = sys.argv[1:]
    specs = modalities(names)
    exact = layout == "reference"
    rules = Rules("tile", compatible=True) if exact else Rules()
    notes = tempfile.mkdtemp()
    engine = Weighing(registry.engines.get("olmoearth.pool.v1")(workers=int(workers)), notes)
    for _ in sys.stdin:
        shutil.rmtree(out, ignore_errors=True)
        started = time.perf_counter()
        storage = Storage(layout="reference" if exact else "windows")
        report = convert(tiles, out, specs, storage=storage, rules=rules, engine=engine)
        seconds = time.perf_counter() - started
        peak = max(float(note.read_text()) for note in Path(notes).iterdir())
        print(json.dumps({"seconds": seconds, "samples": report.num_samples, "peak_mb": peak}), flush=True)
    shutil.rmtree(notes)


if __name__ == "__main__":
    main()
