"""From the published files to the prepared ones: every pickle is read once, as data, and never needed again."""

# N samples, H W pixels, C bands
from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from uuid import uuid4

import fsspec
import h5py
import hdf5plugin
import numpy as np

from olmoearth_benchmarks.geobench_v1 import layout
from olmoearth_benchmarks.geobench_v1.prepared import FORMAT, MANIFEST, SAMPLES, opened
from olmoearth_benchmarks.geobench_v1.published import Published
from olmoearth_benchmarks.geobench_v1.sample_file import LABEL, Stored
from olmoearth_core.data.cache import is_local
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.evaluation import FIXED_SPLITS

EVERY = 1000
"""Samples between two lines of progress."""


def prepare(source: Published, out: str, *, dataset: str, bands: Sequence[str], num_classes: int) -> Iterator[str]:
    """Write `samples.h5` and `manifest.json` into the folder `out`; yields one line per finished piece.

    bands: stored bands that the benchmark can use; others are left out.

    Raises:
        DataError: a published file is missing, damaged, or unlike the first one.
    """
    partitions = {name: _lists(source.partition(name)) for name in source.partitions()}
    names = _all_names(source, partitions)
    if _is_there(out, dataset, names, partitions):
        yield f"{out}: {len(names)} samples, already prepared"
        return
    statistics, classes = source.statistics(), source.class_names(num_classes)
    keys = source.keys(names[0])
    stored = [band for band in bands if any(key == band or key.startswith(f"{band}_") for key in keys)]
    with _placed(f"{out}/{SAMPLES}") as place:
        for count in _write(place, source, names, stored):
            yield f"{out}/{SAMPLES}: {count} of {len(names)} samples"
        size, digest = os.path.getsize(place), _digest(place)
    table = {
        "format": FORMAT, "dataset": dataset, "samples": names, "bands": stored, "bytes": size, "sha256": digest,
        "classes": list(classes),
        "partitions": partitions,
        "statistics": {band: _statistics(asdict(entry)) for band, entry in statistics.items() if band != LABEL},
    }  # fmt: skip
    with _placed(f"{out}/{MANIFEST}") as place, open(place, "w", encoding="utf-8") as stream:
        json.dump(table, stream, indent=1)
    yield f"{out}/{MANIFEST}: {len(partitions)} partitions"


def _lists(table: layout.Partition) -> dict[str, list[str]]:
    return {split: list(table[split]) for split in FIXED_SPLITS}


def _all_names(source: Published, partitions: dict[str, dict[str, list[str]]]) -> list[str]:
    """Return every sample that a partition names, once, in order."""
    named = {name for table in partitions.values() for split in FIXED_SPLITS for name in table[split]}
    lacking = sorted(named - source.names)
    if not named or lacking:
        found = f"{len(lacking)} of {len(named)} samples are missing, for example {lacking[0]}" if lacking else "none"
        raise DataError(f"{source.where}: {found}. Get the archive again, or read the files as they are.")
    return sorted(named)


def _is_there(out: str, dataset: str, names: list[str], partitions: dict[str, dict[str, list[str]]]) -> bool:
    try:
        found = opened(layout.Folder(out, frozenset()), dataset)
    except DataError:
        return False
    return sorted(found.names) == names and found.manifest["partitions"] == partitions


def _write(place: str, source: Published, names: Sequence[str], bands: Sequence[str]) -> Iterator[int]:
    first = source.read(names[0], bands)
    dtype = np.result_type(*first.planes.values())
    shape = (*next(iter(first.planes.values())).shape, len(bands))
    label_shape = np.shape(first.label)
    with h5py.File(place, "w") as file:
        images = file.create_dataset(
            "images", (len(names), *shape), dtype, chunks=(1, *shape), shuffle=True, compression=hdf5plugin.Zstd()
        )
        labels = file.create_dataset("labels", (len(names), *label_shape), np.int64, chunks=(1, *label_shape))
        dates = file.create_dataset("dates", (len(names), 3), np.int16)
        for row, name in enumerate(names):
            stored = source.read(name, bands)
            _check(stored, bands, shape, label_shape, dtype, name)
            images[row] = np.stack([stored.planes[band] for band in bands], axis=-1)
            labels[row] = stored.label
            if stored.date is not None:
                dates[row] = (stored.date.day, stored.date.month, stored.date.year)
            if (row + 1) % EVERY == 0 or row + 1 == len(names):
                yield row + 1


def _check(
    stored: Stored, bands: Sequence[str], shape: Sequence[int], label_shape: Sequence[int], dtype: Any, name: str
) -> None:
    lacking = [band for band in bands if band not in stored.planes]
    if lacking:
        raise DataError(f"{name}: no band {lacking[0]!r}, which the first sample has. Get the archive again.")
    planes = stored.planes.values()
    if any(p.shape != tuple(shape[:2]) for p in planes) or np.shape(stored.label) != tuple(label_shape):
        raise DataError(f"{name}: its arrays or its label are not as large as those of the first sample, {shape[:2]}.")
    if not all(np.can_cast(plane.dtype, dtype, "safe") for plane in planes):
        raise DataError(f"{name}: values that {dtype}, the type of the first sample, cannot hold.")


def _statistics(entry: dict[str, Any]) -> dict[str, Any]:
    return {"mean": entry["mean"], "std": entry["std"], "min": entry["minimum"], "max": entry["maximum"]}


@contextmanager
def _placed(url: str) -> Iterator[str]:
    """Give a local name to write to; the file then appears at `url`, whole or not at all."""
    filesystem, path = fsspec.core.url_to_fs(url)
    filesystem.makedirs(os.path.dirname(path), exist_ok=True)
    part = f"{path}.{uuid4().hex[:8]}.part"
    try:
        if is_local(url):
            yield part
        else:
            with tempfile.TemporaryDirectory() as folder:
                yield os.path.join(folder, "part")
                filesystem.put_file(os.path.join(folder, "part"), part)
        filesystem.mv(part, path)
    finally:
        if filesystem.exists(part):
            filesystem.rm_file(part)


def _digest(path: str) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
