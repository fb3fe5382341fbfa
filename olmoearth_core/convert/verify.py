"""What a folder of sample files holds, and whether it is what it says.

Every file's keys, shapes, types and masks are checked; pixel values are read from some of them only,
because reading all would take as long as an epoch.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
import h5py
import hdf5plugin  # noqa: F401  registers the compression filters
import numpy as np
from fsspec.implementations.local import LocalFileSystem

from olmoearth_core.convert.dataset_writer import MANIFEST, read_records
from olmoearth_core.convert.h5_writer import MASKS, MISSING_VALUE
from olmoearth_core.convert.manifest_db import DATABASE, count_sources
from olmoearth_core.data.folder import Folder, find
from olmoearth_core.interfaces.modality import ModalitySpec

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
        findings.manifest = json.loads(filesystem.cat_file(f"{place}/{MANIFEST}"))
    if isinstance(filesystem, LocalFileSystem) and filesystem.exists(f"{place}/{DATABASE}"):
        findings.source_files = count_sources(Path(f"{place}/{DATABASE}"))
    sizes = {}
    for record in read_records(findings.folder.url):
        sizes[record["file"]] = record["bytes"]
        findings.dropped.update((record.get("dropped") or {}).items())
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


def _file(
    findings: Findings, filesystem: Any, path: str, specs: Mapping[str, ModalitySpec], listed: set[str], *, values: bool
) -> Iterator[str]:
    """Add one file to the findings; yield what is wrong with it."""
    try:
        findings.bytes += filesystem.size(path)
        with filesystem.open(path, "rb") as stream, h5py.File(stream, "r") as file:
            yield from _frame(findings, file)
            masks = file.get(MASKS, {})
            names = [name for name in file if name not in FIXED]
            for name in names:
                facts = findings.modalities.setdefault(name, ModalityFacts())
                yield from _modality(facts, name, file[name], masks, specs.get(name), values=values)
            if set(names) != listed:
                odd = ", ".join(sorted(set(names) ^ listed))
                yield f"its modalities differ from sample_metadata.csv in {odd}"
    except FileNotFoundError:
        yield "not found"
    except (OSError, KeyError, RuntimeError) as error:
        yield f"cannot be read ({' '.join(str(error).split())})"


def _frame(findings: Findings, file: Any) -> Iterator[str]:
    latlon, timestamps = file["latlon"], file["timestamps"][()]
    if latlon.shape != (2,) or latlon.dtype != np.float32:
        yield f"latlon is {latlon.dtype} {latlon.shape}, expected float32 (2,)"
    if timestamps.ndim != 2 or timestamps.shape[1:] != (3,) or timestamps.dtype != np.int32:
        yield f"timestamps is {timestamps.dtype} {timestamps.shape}, expected int32 (T, 3)"
        return
    findings.months.update((int(year), int(month)) for _, month, year in timestamps)
    findings.steps[len(timestamps)] += 1
    if ((timestamps[:, 1] < 0) | (timestamps[:, 1] > 11)).any():
        yield "timestamps has months outside 0 to 11"


def _modality(
    facts: ModalityFacts, name: str, array: Any, masks: Any, spec: ModalitySpec | None, *, values: bool
) -> Iterator[str]:
    facts.samples += 1
    facts.shapes[array.shape] += 1
    facts.dtypes.add(array.dtype.name)
    steps = array.shape[-2] if array.ndim > 1 else 0
    if name in masks:
        mask = masks[name][()]
        facts.steps_present += int(mask.sum())
        facts.steps_all += len(mask)
        if mask.dtype != bool or (mask.sum() != steps and spec is not None):
            yield f"{name} holds {steps} steps, but its mask says {int(mask.sum())}"
    elif spec is not None and spec.kind == "space_time":
        yield f"{name} varies in time but has no mask"
    if spec is not None and array.shape[-1] != spec.num_bands:
        yield f"{name} has {array.shape[-1]} bands, expected {spec.num_bands} ({', '.join(spec.band_order)})"
    if values:
        _values(facts, array[()], spec)


def _values(facts: ModalityFacts, array: np.ndarray, spec: ModalitySpec | None) -> None:
    real = array[array != MISSING_VALUE]
    facts.values += array.size
    facts.missing_values += array.size - real.size
    if real.size:
        facts.low, facts.high = min(facts.low, float(real.min())), max(facts.high, float(real.max()))
        if spec is not None and spec.valid_range is not None:
            low, high = spec.valid_range
            facts.outside += int(((real < low) | (real > high)).sum())
