"""manifest.sqlite: where each sample came from and what was written, to be asked with SQL.

Equal contents give equal bytes: rows are inserted in order into an empty file in one transaction. Readers need only
manifest.json and manifest.jsonl; this file holds what is too much for them (hashes of source files, facts of bands).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from olmoearth_core.convert.whole_file import whole
from olmoearth_core.errors import DataError

if TYPE_CHECKING:
    from olmoearth_core.convert.dataset_writer import Record

DATABASE = "manifest.sqlite"
VERSION = 1
TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE samples (number INTEGER PRIMARY KEY, key TEXT NOT NULL, file TEXT NOT NULL, lat REAL NOT NULL,
    lon REAL NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, source TEXT NOT NULL);
CREATE TABLE sources (id INTEGER PRIMARY KEY, path TEXT NOT NULL, sha256 TEXT NOT NULL);
CREATE TABLE sample_sources (sample INTEGER, source INTEGER, PRIMARY KEY (sample, source)) WITHOUT ROWID;
CREATE TABLE bands (sample INTEGER, modality TEXT, band TEXT, count INTEGER NOT NULL, mean REAL, min REAL, max REAL,
    PRIMARY KEY (sample, modality, band)) WITHOUT ROWID;
CREATE TABLE dropped (sample INTEGER, modality TEXT, rule TEXT NOT NULL, PRIMARY KEY (sample, modality)) WITHOUT ROWID;
CREATE TABLE set_aside (tile TEXT PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE no_sample (number INTEGER PRIMARY KEY, reason TEXT NOT NULL);
CREATE INDEX samples_of_source ON sample_sources (source);
"""
"""facts: name -> JSON, as in manifest.json. bands: of what was written; null where a band has no value."""
INSERTS = {
    "facts": "INSERT INTO facts VALUES (?, ?)",
    "samples": "INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    "sources": "INSERT INTO sources VALUES (?, ?, ?)",
    "sample_sources": "INSERT INTO sample_sources VALUES (?, ?)",
    "bands": "INSERT INTO bands VALUES (?, ?, ?, ?, ?, ?, ?)",
    "dropped": "INSERT INTO dropped VALUES (?, ?, ?)",
    "set_aside": "INSERT INTO set_aside VALUES (?, ?)",
    "no_sample": "INSERT INTO no_sample VALUES (?, ?)",
}


def write(
    folder: Path, manifest: Mapping[str, Any], records: Sequence[Record], bands: Mapping[str, Sequence[str]]
) -> None:
    """Write manifest.sqlite of a data set. manifest: content of manifest.json. bands: modality -> names in order."""
    try:
        with whole(folder / DATABASE) as temporary, closing(sqlite3.connect(temporary)) as db:
            # Nothing to roll back to: a file that was not finished is not given its name.
            db.executescript(f"PRAGMA page_size=4096; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {TABLES}")
            db.execute(f"PRAGMA user_version={VERSION}")
            for table, rows in _rows(manifest, records, bands):
                db.executemany(INSERTS[table], rows)
            db.commit()
    except sqlite3.Error as error:
        raise DataError(f"{folder / DATABASE}: cannot be written ({error}). Check permissions and space.") from error


def _rows(
    manifest: Mapping[str, Any], records: Sequence[Record], bands: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, Iterator[tuple[Any, ...]]]]:
    lists = ("quarantined", "dropped")
    yield "facts", ((k, json.dumps(v, sort_keys=True)) for k, v in sorted(manifest.items()) if k not in lists)
    yield "set_aside", iter(sorted(manifest["quarantined"].items()))
    yield "no_sample", iter(enumerate(manifest["dropped"]))
    yield (
        "samples",
        ((i, r.key, f"sample_{i}.h5", *r.latlon, r.bytes, r.sha256, r.source) for i, r in enumerate(records)),
    )
    hashes = {path: sha for record in records for path, sha in record.sources.items()}
    numbers = {path: number for number, path in enumerate(sorted(hashes))}
    yield "sources", ((number, path, hashes[path]) for path, number in numbers.items())
    yield "sample_sources", ((i, numbers[path]) for i, r in enumerate(records) for path in sorted(r.sources))
    yield "dropped", ((i, *found) for i, r in enumerate(records) for found in sorted((r.dropped or {}).items()))
    yield "bands", (row for i, record in enumerate(records) for row in _band_rows(i, record, bands))


def _band_rows(number: int, record: Record, bands: Mapping[str, Sequence[str]]) -> Iterator[tuple[Any, ...]]:
    for modality, facts in sorted(record.bands.items()):
        names = bands.get(modality, [str(i) for i in range(len(facts))])
        yield from sorted((number, modality, name, *fact) for name, fact in zip(names, facts, strict=True))


def count_sources(path: Path) -> int:
    """Return how many source files a manifest.sqlite names; DataError if it is not one of ours."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return int(db.execute("SELECT count(*) FROM sources").fetchone()[0])
    except sqlite3.Error as error:
        raise DataError(f"{path}: cannot be read ({error}). The samples are not affected; remove the file.") from error
