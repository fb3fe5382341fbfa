"""What a folder of sample files holds, and whether it is what it says.

Every file's keys, shapes, types and masks are checked; pixel values are read from some of them only,
because reading all would take as long as an epoch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
import h5py
import numpy as np
from fsspec.implementations.local import LocalFileSystem

from olmoearth_core.care.opened import UNREADABLE, array, opened, reason
from olmoearth_core.care.opened import values as stored
from olmoearth_core.convert.dataset_writer import MANIFEST, RECORDS, read_facts, read_records
from olmoearth_core.convert.h5_writer import MASKS, MISSING_VALUE
from olmoearth_core.convert.manifest_db import DATABASE, count_sources
from olmoearth_core.data.folder import Folder, find
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec

MOST_STEPS = 10_000
FIXED = ("latlon", "timestamps", MASKS)


@dataclass
class ModalityFacts:
    """What was found of one modality.

    samples: files that hold it. shapes: array shape -> files. dtypes: stored types. steps_present, steps_all: time
    steps over all files, from the masks. low, high: range of the values that were read, missing ones left out.
    missing_values: share of values that are -99999. outside: share outside the modality's valid range.
    """

    samples: int = 0
    shapes: Counter[tuple[int, ...]] = field(default_factory=Counter)
    dtypes: set[str] = field(default_factory=set)
    steps_present: int = 0
    steps_all: int = 0
    low: float = np.inf
    high: float = -np.inf
    values: int = 0
    missing_values: int = 0
    outside: int = 0


@dataclass
class Findings:
    """Facts by modality, months by number of samples, bytes on disk, and everything that is wrong."""

    folder: Folder
    modalities: dict[str, ModalityFacts] = field(default_factory=dict)
    months: Counter[tuple[int, int]] = field(default_factory=Counter)
    steps: Counter[int] = field(default_factory=Counter)
    bytes: int = 0
    problems: list[str] = field(default_factory=list)
    manifest: dict[str, Any] = field(default_factory=dict)
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    source_files: int | None = None


def verify(url: str, specs: Mapping[str, ModalitySpec], *, read_values: int = 32, every_file: bool = True) -> Findings:
    """Look at the data set in or below a folder.

    specs: known modalities by name; others are only listed. read_values: files whose pixels are read, spread evenly.
    every_file: open all files, else only those whose values are read.
    """
    findings = Findings(find(url))
    columns = findings.folder.columns()
    filesystem, place = fsspec.core.url_to_fs(findings.folder.url)
    if filesystem.exists(f"{place}/{MANIFEST}"):
        with _noted(findings, MANIFEST):
            findings.manifest = read_facts(
                f"{findings.folder.url}/{MANIFEST}", filesystem.cat_file(f"{place}/{MANIFEST}")
            )
    if isinstance(filesystem, LocalFileSystem) and filesystem.exists(f"{place}/{DATABASE}"):
        findings.source_files = count_sources(Path(f"{place}/{DATABASE}"))
    sizes: dict[str, Any] = {}
    with _noted(findings, RECORDS):
        for record in read_records(findings.folder.url):
            sizes[record["file"]] = record.get("bytes")
            findings.dropped.update(_texts(record.get("dropped")).items())
    count = findings.folder.count
    valued = set(np.linspace(0, count - 1, min(read_values, count)).astype(int).tolist())
    for index in range(count) if every_file else sorted(valued):
        listed = {name for name, present in columns.items() if present[index]}
        path = f"{place}/sample_{index}.h5"
        found = list(_file(findings, filesystem, path, specs, listed, values=index in valued))
        expected = sizes.get(f"sample_{index}.h5")
        if expected is not None and filesystem.exists(path) and filesystem.size(path) != expected:
            found.append(f"{filesystem.size(path)} bytes, expected {expected}")
        findings.problems += [f"sample_{index}.h5: {problem}" for problem in found]
    return findings


@contextmanager
def _noted(findings: Findings, name: str) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        findings.problems.append(f"{name}: {str(error).removeprefix(f'{findings.folder.url}/{name}')}")


def _texts(value: Any) -> dict[str, str]:
    return {key: str(text) for key, text in value.items()} if isinstance(value, dict) else {}


def _file(
    findings: Findings, filesystem: Any, path: str, specs: Mapping[str, ModalitySpec], listed: set[str], *, values: bool
) -> Iterator[str]:
    """Add one file to the findings; yield what is wrong with it."""
    url = f"{findings.folder.url}/{path.rsplit('/', 1)[-1]}"
    try:
        findings.bytes += filesystem.size(path)
        with opened(url) as file:
            yield from _frame(findings, file)
            masks = set(file[MASKS]) if isinstance(file.get(MASKS), h5py.Group) else set()
            names = [name for name in file if name not in FIXED]
            for name in names:
                data = array(file, name)
                mask = stored(file, f"{MASKS}/{name}") if name in masks else None
                facts = findings.modalities.setdefault(name, ModalityFacts())
                yield from _modality(facts, name, data, mask, specs.get(name))
                if values:
                    _values(facts, stored(file, name), specs.get(name))
            if set(names) != listed:
                odd = ", ".join(sorted(set(names) ^ listed))
                yield f"its modalities differ from sample_metadata.csv in {odd}"
    except FileNotFoundError:
        yield "not found"
    except DataError as error:
        yield str(error).removeprefix(f"{url}: ").rstrip(".")
    except UNREADABLE as error:
        yield f"cannot be read ({reason(error)})"


def _frame(findings: Findings, file: Any) -> Iterator[str]:
    latlon, stamps = array(file, "latlon"), array(file, "timestamps")
    if latlon.shape != (2,) or latlon.dtype != np.float32:
        yield f"latlon is {latlon.dtype} {latlon.shape}, expected float32 (2,)"
    if stamps.ndim != 2 or stamps.shape[1:] != (3,) or stamps.dtype != np.int32 or len(stamps) > MOST_STEPS:
        yield f"timestamps is {stamps.dtype} {stamps.shape}, expected int32 (T, 3)"
        return
    timestamps = stored(file, "timestamps")
    findings.steps[len(timestamps)] += 1
    day, month, year = timestamps.T
    if ((month < 0) | (month > 11) | (day < 1) | (day > 31) | (year < 1) | (year > 9999)).any():
        yield "timestamps outside the calendar: day 1 to 31, month 0 to 11, year"
        return
    findings.months.update((int(year), int(month)) for _, month, year in timestamps)


def _modality(
    facts: ModalityFacts, name: str, data: Any, mask: np.ndarray | None, spec: ModalitySpec | None
) -> Iterator[str]:
    facts.samples += 1
    facts.shapes[data.shape] += 1
    facts.dtypes.add(data.dtype.name)
    steps = data.shape[-2] if data.ndim > 1 else 0
    if mask is not None and (mask.dtype != bool or mask.ndim != 1):
        yield f"the mask of {name} is {mask.dtype} {mask.shape}, expected bool (T,)"
    elif mask is not None:
        facts.steps_present += int(mask.sum())
        facts.steps_all += len(mask)
        if mask.sum() != steps and spec is not None:
            yield f"{name} holds {steps} steps, but its mask says {int(mask.sum())}"
    elif spec is not None and spec.kind == "space_time":
        yield f"{name} varies in time but has no mask"
    if spec is not None and data.shape[-1:] != (spec.num_bands,):
        found = data.shape[-1] if data.shape else "no"
        yield f"{name} has {found} bands, expected {spec.num_bands} ({', '.join(spec.band_order)})"


def _values(facts: ModalityFacts, array: np.ndarray, spec: ModalitySpec | None) -> None:
    there = array != MISSING_VALUE
    if array.dtype.kind == "f":
        there &= ~np.isnan(array)
    real = array[there]
    facts.values += array.size
    facts.missing_values += array.size - real.size
    if real.size:
        facts.low, facts.high = min(facts.low, float(real.min())), max(facts.high, float(real.max()))
        if spec is not None and spec.valid_range is not None:
            low, high = spec.valid_range
            facts.outside += int(((real < low) | (real > high)).sum())
