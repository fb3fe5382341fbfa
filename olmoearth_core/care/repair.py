"""Mend a data set: damaged samples from the tile store, then the tables from the files.

A sample is only put back if its bytes are those of the manifest. Converting gives the same bytes with the same
versions of the libraries (manifest.json names them); with others the repair is refused, not guessed.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from olmoearth_core.care import derive
from olmoearth_core.care.quarantine import columns
from olmoearth_core.care.verify import Verdict
from olmoearth_core.convert.dataset_writer import MANIFEST, DatasetWriter, metadata, read_records
from olmoearth_core.convert.h5_writer import Storage
from olmoearth_core.convert.samples import plan
from olmoearth_core.convert.tile_job import Rules, TileJob, blocks_of
from olmoearth_core.convert.tiles import read_table
from olmoearth_core.convert.whole_file import whole, write_text
from olmoearth_core.data.folder import LATLONS, METADATA
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec


def repair(verdict: Verdict, specs: Mapping[str, ModalitySpec]) -> list[str]:
    """Mend what can be mended and return, line by line, what was done and what could not be.

    Check again afterwards: what is still wrong then needs --quarantine or a new conversion.
    """
    folder = derive.local(verdict.folder, "olmoearth dataset verify --repair")
    done: list[str] = []
    if verdict.damaged:
        try:
            done += _samples(folder, verdict.damaged, specs)
        except DataError as error:
            done.append(f"samples not repaired: {error}")
    return done


def tables(verdict: Verdict) -> list[str]:
    """Write the metadata and lat/lon tables from the files, if they differ and every file can be read."""
    folder = derive.local(verdict.folder, "olmoearth dataset verify --repair")
    files = [verdict.files[index] for index in sorted(verdict.files)]
    if verdict.damaged or any(checked.latlon is None for checked in files):
        return [f"tables not written: {len(verdict.damaged)} files cannot be used, so their rows are not known"]
    done = []
    at_fault = {problem.file for problem in verdict.problems}
    if LATLONS in at_fault:
        with whole(folder / LATLONS) as temporary, temporary.open("wb") as stream:
            np.save(stream, np.array([checked.latlon for checked in files], dtype=np.float64))
        done.append(f"{LATLONS} written from {len(files)} files")
    if METADATA in at_fault:
        write_text(folder / METADATA, metadata([checked.names for checked in files], columns(verdict)))
        done.append(f"{METADATA} written from {len(files)} files")
    return done


def _samples(folder: Path, damaged: Sequence[int], specs: Mapping[str, ModalitySpec]) -> list[str]:
    about = _about(folder)
    records = {str(line["file"]): line for line in read_records(str(folder))}
    wanted = {f"sample_{i}.h5": records.get(f"sample_{i}.h5") for i in damaged}
    sought = {str(record["key"]): (file, record) for file, record in wanted.items() if record is not None}
    done = [f"{file} not repaired: the manifest has no line for it" for file, r in wanted.items() if r is None]
    with tempfile.TemporaryDirectory(prefix=".repairing-", dir=folder.parent) as staging:
        job, samples = _job(folder, about, specs, Path(staging))
        for sample in samples:
            mine = {key for key in sought if key.rpartition("_")[0] == sample.cell.window_name}
            if not mine:
                continue
            outcome = job(sample)
            if outcome.error:
                done.append(f"tile {outcome.key} not converted: {outcome.error}")
            for record in outcome.records:
                if record.key in mine:
                    file, before = sought.pop(record.key)
                    done.append(_put_back(Path(staging) / f"{record.key}.h5", folder / file, record.sha256, before))
    return done + [f"{file} not repaired: the tile store no longer gives {key}" for key, (file, _) in sought.items()]


def _put_back(made: Path, target: Path, sha256: str, before: Mapping[str, Any]) -> str:
    if sha256 != before["sha256"]:
        return (
            f"{target.name} not repaired: the tile store now gives other bytes than the manifest tells. The tiles, or "
            "the libraries (see manifest.json), have changed. Convert the whole data set again."
        )
    os.replace(made, target)
    return f"{target.name} converted again from {before['key']}, the bytes are those of the manifest"


def _about(folder: Path) -> Mapping[str, Any]:
    try:
        about: Mapping[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))["about"]
        missing = {"source", "modalities", "rules", "tile_size", "storage"} - set(about)
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise DataError(f"{folder / MANIFEST}: does not tell a tile store ({cause}). Use --quarantine.") from cause
    if missing:
        raise DataError(f"{folder / MANIFEST}: tells no {', '.join(sorted(missing))}, so it was not converted from a "
                        "tile store. Make the data set again, or use --quarantine.")  # fmt: skip
    return about


def _job(
    folder: Path, about: Mapping[str, Any], specs: Mapping[str, ModalitySpec], staging: Path
) -> tuple[TileJob, list[Any]]:
    unknown = [name for name in about["modalities"] if name not in specs]
    if unknown:
        raise DataError(f"{folder}: was made with {', '.join(unknown)}, which no installed package declares.")
    chosen = tuple(specs[name] for name in about["modalities"])
    try:
        rules = Rules(**{**about["rules"], "required": tuple(about["rules"]["required"])})
        storage = Storage(**about["storage"])
    except (TypeError, KeyError) as cause:
        raise DataError(f"{folder / MANIFEST}: its options are not known ({cause}).") from cause
    kept = {key: value for key, value in about.items() if key not in ("tile_size", "storage")}
    writer = DatasetWriter(
        folder.parent, chosen, tile_size=about["tile_size"], storage=storage, about=kept, staging=staging
    )
    writer.open()
    samples = plan({spec.name: read_table(about["source"], spec) for spec in chosen}, chosen)
    return TileJob(about["source"], chosen, writer, rules, blocks_of(about["tile_size"])), samples
