"""GEO-Bench v1 without pickles: one HDF5 file with all samples of a dataset, and a JSON manifest beside it.

`samples.h5`: `images` [N,H,W,C] in the bands that the manifest lists, one chunk per sample; `labels` int64 [N], [N,K]
or [N,H,W]; `dates` int16 [N,3] = day, month, year, 0 where not said. `manifest.json` is written last: without it,
nothing is there. Numbers are those of the published files; what they mean is decided when they are read.
"""

# N samples, H W pixels, C bands, K classes
from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import fsspec
import numpy as np

from olmoearth_benchmarks.geobench_v1 import layout
from olmoearth_benchmarks.geobench_v1.sample_file import LARGEST_SIDE, Stored
from olmoearth_core.data.cache import Cache, Throttle
from olmoearth_core.data.h5 import SampleFile
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import Statistics

MANIFEST = "manifest.json"
SAMPLES = "samples.h5"
FORMAT = "geobench-v1/1"
_KEYS = ("format", "dataset", "samples", "bands", "partitions", "statistics", "classes", "bytes", "sha256")


@dataclass(frozen=True)
class Prepared:
    """The prepared files of one dataset. manifest: checked by `opened`."""

    folder: layout.Folder
    manifest: dict[str, Any]
    _rows: dict[str, int] = field(init=False, repr=False, compare=False)
    _cache: Cache = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rows", {name: row for row, name in enumerate(self.manifest["samples"])})
        object.__setattr__(self, "_cache", Cache(None, Throttle(None)))

    @property
    def where(self) -> str:
        """The folder."""
        return self.folder.url

    @property
    def names(self) -> frozenset[str]:
        """All samples of the manifest."""
        return frozenset(self._rows)

    def partition(self, name: str) -> layout.Partition:
        """Return a partition of the manifest."""
        tables = self.manifest["partitions"]
        if name not in tables:
            raise DataError(f'{self.where}: no partition "{name}". There is {", ".join(sorted(tables)) or "none"}.')
        return layout.checked_partition(tables[name], self.folder.of(MANIFEST))

    def statistics(self) -> dict[str, Statistics]:
        """Return the statistics of the manifest."""
        return layout.checked_statistics(self.manifest["statistics"], self.folder.of(MANIFEST))

    def class_names(self, num_classes: int) -> tuple[str, ...]:
        """Return the classes of the manifest."""
        found = layout.checked_class_names(self.manifest["classes"], num_classes)
        if not found:
            raise DataError(f"{self.folder.of(MANIFEST)}: expected {num_classes} names of classes. Prepare it again.")
        return found

    def keys(self, name: str) -> tuple[str, ...]:
        """All samples have the same arrays."""
        return tuple(self.manifest["bands"])

    def read(self, name: str, bands: Sequence[str]) -> Stored:
        """Read the chunk of one sample."""
        if name not in self._rows:
            raise DataError(f"{self.where}: {MANIFEST} lists no sample {name}.")
        row, stored = self._rows[name], self.manifest["bands"]
        with SampleFile(self._cache.local(self.folder.of(SAMPLES))) as file:
            image = self._row(file, "images", row, (len(stored),))
            label = self._row(file, "labels", row, ())
            day, month, year = map(int, self._row(file, "dates", row, (3,)))
        planes = {band: image[..., stored.index(band)] for band in bands if band in stored}
        date = _date(day, month, year)
        if label.ndim == 2:
            return Stored(planes, label, date)
        return Stored(planes, [int(v) for v in label] if label.ndim else int(label), date)

    def _row(self, file: SampleFile, name: str, row: int, last: tuple[int, ...]) -> np.ndarray:
        shape = file.shape(name)
        sound = shape[:1] == (len(self._rows),) and shape[len(shape) - len(last) :] == last
        if not sound or not all(1 <= side <= LARGEST_SIDE for side in shape[1:]):
            raise DataError(f"{self.folder.of(SAMPLES)}: {name} is {list(shape)}, which is not what {MANIFEST} says. "
                            "Prepare it again.")  # fmt: skip
        window = file.window(name, (row, *(0 for _ in shape[1:])), (1, *shape[1:]))
        return np.asarray(window[0])


def opened(folder: layout.Folder, dataset: str) -> Prepared:
    """Return the prepared files of a folder.

    Raises:
        DataError: the manifest is not one, is of another dataset, or does not fit the file of samples.
    """
    where, table = folder.of(MANIFEST), layout.read_json(folder, MANIFEST)
    if not isinstance(table, dict) or table.get("format") != FORMAT or not all(key in table for key in _KEYS):
        raise DataError(f'{where}: not a manifest of format "{FORMAT}". Prepare this benchmark again.')
    if table["dataset"] != dataset:
        raise DataError(f"{where}: of {str(table['dataset'])[:40]}, expected {dataset}.")
    texts = (table["samples"], table["bands"])
    if not all(isinstance(t, list) and all(isinstance(n, str) for n in t) and len(set(t)) == len(t) for t in texts):
        raise DataError(f"{where}: samples and bands must be lists of different names. Prepare it again.")
    if not isinstance(table["partitions"], dict):
        raise DataError(f"{where}: no partitions. Prepare it again.")
    size = _size(folder)
    if size != table["bytes"]:
        raise DataError(f"{folder.of(SAMPLES)}: {size} bytes, but {MANIFEST} says {str(table['bytes'])[:20]}. "
                        "Prepare it again.")  # fmt: skip
    return Prepared(folder, table)


def _size(folder: layout.Folder) -> int:
    try:
        filesystem, path = fsspec.core.url_to_fs(folder.of(SAMPLES))
        return int(filesystem.info(path)["size"])
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise DataError(f"{folder.of(SAMPLES)}: cannot be found ({cause}). Prepare it again.") from cause


def _date(day: int, month: int, year: int) -> datetime.date | None:
    try:
        return datetime.date(year, month, day) if day else None
    except ValueError:
        return None
