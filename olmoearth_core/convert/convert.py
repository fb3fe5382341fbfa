"""Convert a GeoTIFF tile store into a folder of sample files.

Work is one tile at a time, idempotent, and done by an engine (processes, a cluster) or by several machines that know
nothing of each other (`shard`). A bad tile is set aside with its file and reason; it stops nothing unless every tile
is bad.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from olmoearth_core.convert.dataset_writer import DatasetWriter, check_tile_size, read_records
from olmoearth_core.convert.h5_writer import Storage
from olmoearth_core.convert.samples import PlannedSample, plan
from olmoearth_core.convert.tile_job import Rules, TileJob, TileOutcome, blocks_of
from olmoearth_core.convert.tiles import TileTable, read_table
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.engine import Engine
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.source import Progress


@dataclass(frozen=True)
class Report:
    """What a conversion did.

    path: the numbered folder, null while other shards are still at work. quarantined: tile -> why it is bad.
    dropped: parts of good tiles that make no sample. notes: faults of the tables. reused: tiles done by an earlier run.
    """

    path: str | None
    num_samples: int
    num_tiles: int
    quarantined: dict[str, str]
    dropped: tuple[str, ...]
    notes: tuple[str, ...]
    reused: int


def convert(
    tiles: str | Path,
    out: str | Path | None,
    specs: Sequence[ModalitySpec],
    *,
    tile_size: int = 128,
    storage: Storage | None = None,
    rules: Rules | None = None,
    engine: Engine | None = None,
    shard: tuple[int, int] = (0, 1),
    staging: str | Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Convert the tile store at `tiles` into sample files below `out` (null = beside the tiles).

    specs: the modalities to convert; their order is that of the metadata columns. engine: where; null = this process.
    shard: (i, n), work on every n-th tile from i; the shard that finds all tiles done makes the final folder.
    """
    storage, rules = storage or Storage(), rules or Rules()
    check_tile_size(tile_size)
    if not 0 <= shard[0] < shard[1]:
        raise DataError(f"shard {shard[0]}/{shard[1]}: expected i/n with i from 0 to n-1.")
    parsed = tuple(spec for spec in specs if spec.parsed)
    tables = {spec.name: read_table(tiles, spec) for spec in parsed}
    samples = plan(tables, parsed)
    notes = tuple(fault for table in tables.values() for fault in table.faults)
    if not samples:
        raise DataError(f"{tiles}: no tile with a time axis is listed, so there is nothing to convert.")
    about = {
        "source": str(tiles) if "://" in str(tiles) else str(Path(tiles).resolve()),
        "tiles": _digest(tables), "modalities": [s.name for s in parsed],
        "rules": json.loads(json.dumps(asdict(rules))),
    }  # fmt: skip
    writer = DatasetWriter(
        out or tiles, parsed, tile_size=tile_size, storage=storage, required=rules.required, about=about,
        staging=staging,
    )  # fmt: skip
    job = TileJob(str(tiles), parsed, writer, rules, blocks_of(tile_size))
    done = writer.existing()
    if done:
        return _verified(done, job, samples, notes)
    writer.open()
    mine = samples[shard[0] :: shard[1]]
    outcomes = _run(job, mine, engine, progress)
    if shard[1] > 1 and not all(job.outcome_path(s).exists() for s in samples):
        # None of them is there either if another shard has just made the final folder.
        done = writer.existing()
        return _report(done[0] if done else None, outcomes, notes)
    return _finished(job, samples, outcomes, notes)


def _run(
    job: TileJob, samples: Sequence[PlannedSample], engine: Engine | None, progress: Progress | None
) -> list[_Done]:
    results: list[_Done] = []
    for done in _outcomes(job, samples, engine):
        results.append(done)
        if progress:
            progress(len(results), len(samples))
    return results


@dataclass(frozen=True)
class _Done:
    outcome: TileOutcome
    reused: bool = False


def _outcomes(job: TileJob, samples: Sequence[PlannedSample], engine: Engine | None) -> Iterator[_Done]:
    todo = []
    for sample in samples:
        noted = job.noted(sample)
        if noted:
            yield _Done(noted, reused=True)
        else:
            todo.append(sample)
    yield from map(_Done, engine.run(job, todo) if engine and todo else map(job, todo))


def _finished(job: TileJob, samples: Sequence[PlannedSample], mine: Sequence[_Done], notes: tuple[str, ...]) -> Report:
    with _alone(_lock(job)):
        done = job.writer.existing()
        if done:
            return _report(done[0], mine, notes)
        missing = [path for path in map(job.outcome_path, samples) if not path.exists()]
        if missing:
            raise DataError(
                f"{missing[0]}: not there, although its tile is done. The machines of this conversion do not share the "
                "staging folder: give --staging in a folder that they share."
            )
        texts = [job.outcome_path(sample).read_text() for sample in samples]
        outcomes = [TileOutcome.from_json(json.loads(text)) for text in texts]
        bad = {o.key: o.error for o in outcomes if o.error}
        records = [record for outcome in outcomes for record in outcome.records]
        if not records:
            job.writer.discard()
            reasons = list(bad.values()) + [d for o in outcomes for d in o.dropped]
            shown = "".join(f"  {reason}\n" for reason in reasons[:10])
            raise DataError(f"no sample is left:\n{shown}Mend the tiles, or relax --min-timesteps and --required.")
        dropped = [text for outcome in outcomes for text in outcome.dropped]
        path = job.writer.finish(records, quarantined=bad, dropped=dropped)
    reused = {d.outcome.key for d in mine if d.reused}
    return _report(path, [_Done(o, o.key in reused) for o in outcomes], notes)


def _verified(
    done: tuple[str, dict[str, Any]], job: TileJob, samples: Sequence[PlannedSample], notes: tuple[str, ...]
) -> Report:
    """Check a finished data set's sizes and make the damaged files again."""
    path, manifest = done
    if not job.writer.remote:
        _repair(Path(path), job, samples)
    if job.writer.staging.exists() or _lock(job).exists():
        # A run was killed after the folder got its name.
        with _alone(_lock(job)):
            job.writer.discard()
    quarantined = dict(manifest["quarantined"])
    return Report(path, manifest["num_samples"], len(samples), quarantined, (), notes, reused=len(samples))


def _repair(folder: Path, job: TileJob, samples: Sequence[PlannedSample]) -> None:
    damaged = {
        str(line["key"]): folder / str(line["file"])
        for line in read_records(str(folder))
        if not (folder / line["file"]).exists() or (folder / line["file"]).stat().st_size != line["bytes"]
    }
    if not damaged:
        return
    job.writer.open()
    for sample in samples:
        if any(key.rpartition("_")[0] == sample.cell.window_name for key in damaged):
            for record in job(sample).records:
                if record.key in damaged:
                    os.replace(job.writer.staging / f"{record.key}.h5", damaged.pop(record.key))
    job.writer.discard()
    if damaged:
        names = ", ".join(path.name for path in damaged.values())
        raise DataError(
            f"{folder}: {names} missing or torn, and the tiles no longer give them. Convert again elsewhere."
        )


def _report(path: str | None, outcomes: Sequence[_Done], notes: tuple[str, ...]) -> Report:
    bad = {d.outcome.key: d.outcome.error for d in outcomes if d.outcome.error}
    dropped = tuple(text for d in outcomes for text in d.outcome.dropped)
    number = sum(len(d.outcome.records) for d in outcomes)
    return Report(path, number, len(outcomes), bad, dropped, notes, sum(d.reused for d in outcomes))


def _digest(tables: dict[str, TileTable]) -> str:
    text = repr([(name, sorted(table.tiles.items())) for name, table in tables.items()])
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    # Two shards may end at the same moment; the lock goes with the process that dies holding it.
    while True:
        with lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Whoever had it removes the file, and then this is a lock on nothing.
            if lock.exists() and lock.stat().st_ino == os.fstat(file.fileno()).st_ino:
                try:
                    yield
                finally:
                    lock.unlink(missing_ok=True)
                return


def _lock(job: TileJob) -> Path:
    return job.writer.staging.parent / ".converting.lock"
