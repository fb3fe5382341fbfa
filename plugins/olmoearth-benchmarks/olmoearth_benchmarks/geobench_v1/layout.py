"""Where the files of GEO-Bench v1 lie, and what those beside the samples say. Everything goes through fsspec.

`<root>/{classification|segmentation}_v1.0/<dataset>/` holds `<partition>_partition.json` ({"train", "valid", "test"} ->
sample names), `band_stats.json`, `task_specs.pkl` and `<sample>.hdf5`. The dataset's own folder may be given as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fsspec

from olmoearth_benchmarks.geobench_v1 import pickled_values, safe_pickle
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.evaluation import FIXED_SPLITS
from olmoearth_core.interfaces.modality import Statistics

PARTITION = "_partition.json"
BAND_STATS = "band_stats.json"
TASK_SPECS = "task_specs.pkl"
FRACTIONS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Shares of the training split for which partitions are published."""
_MOST_JSON = 64 * 2**20
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")
Partition = Mapping[str, Sequence[str]]
"""Split -> names of samples."""


@dataclass(frozen=True)
class Folder:
    """A listed folder. url: without a slash at its end. names: of its files."""

    url: str
    names: frozenset[str]

    def of(self, name: str) -> str:
        """Return the URL of a file."""
        return f"{self.url}/{name}"

    def read(self, name: str, most: int = _MOST_JSON) -> bytes:
        """Return a small file.

        Raises:
            DataError: it cannot be read, or is larger than `most` bytes.
        """
        try:
            with fsspec.open(self.of(name), "rb") as stream:
                content: bytes = stream.read(most + 1)
        except (OSError, ValueError) as cause:
            raise DataError(f"{self.of(name)}: cannot be read ({cause}).") from cause
        if len(content) > most:
            raise DataError(f"{self.of(name)}: more than {most} bytes, which this file never has. It is not read.")
        return content


def partition_name(partition: str | None, label_fraction: float, benchmark: str) -> str:
    """Return the name of the partition that arguments ask for.

    Raises:
        ConfigError: a fraction for which none is published, or both arguments at once.
    """
    fraction = next((f for f in FRACTIONS if abs(f - label_fraction) < 1e-9), None)
    if fraction is None:
        raise ConfigError(f"{benchmark}: label_fraction is {label_fraction}, expected one of "
                          f"{', '.join(map(str, FRACTIONS))}; the others have no published partition.")  # fmt: skip
    asked = "default" if fraction == 1.0 else f"{fraction:.2f}x_train"
    if partition is None or partition == asked:
        return asked
    if fraction != 1.0:
        raise ConfigError(f'{benchmark}: partition = "{partition}" and label_fraction = {fraction}. Give one of them.')
    if not _PLAIN.fullmatch(partition):
        raise ConfigError(f'{benchmark}: partition = "{partition}", expected a name such as 0.01x_train.')
    return partition


def find(root: str, kind: str, dataset: str, marker: str) -> Folder:
    """Return the folder of a dataset: `root` itself, or the one below it, in the publisher's or in lower case.

    kind: "classification" or "segmentation". marker: end of a file name that only such a folder has, besides the
    partitions.

    Raises:
        DataError: there is none.
    """
    root = root.rstrip("/")
    below = [f"{root}/{kind}_v1.0/{name}" for name in dict.fromkeys((dataset, dataset.lower()))]
    for url in (*below, root):
        names = _names(url)
        if any(name.endswith((PARTITION, marker)) for name in names):
            return Folder(url, names)
    raise DataError(
        f"{dataset}: no {kind}_v1.0/{dataset} with *{PARTITION} below {root}, and {root} is not that folder itself. "
        f"`olmoearth benchmarks list` says where the data is published."
    )


def _names(url: str) -> frozenset[str]:
    """Return the names of a folder's files, none if there is no such folder."""
    try:
        filesystem, path = fsspec.core.url_to_fs(url)
        # What this process wrote a moment ago must be seen.
        filesystem.invalidate_cache(path)
        found = filesystem.ls(path, detail=False)
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except (OSError, ValueError, ImportError) as cause:
        raise DataError(f"{url}: cannot be listed ({cause}).") from cause
    return frozenset(str(name).rstrip("/").rpartition("/")[2] for name in found)


def read_partition(folder: Folder, name: str) -> Partition:
    """Return the samples of each split.

    Raises:
        DataError: there is no such partition, or it is not a table of plain names.
    """
    file = f"{name}{PARTITION}"
    if file not in folder.names:
        known = sorted(n.removesuffix(PARTITION) for n in folder.names if n.endswith(PARTITION))
        raise DataError(f'{folder.url}: no partition "{name}". There is {", ".join(known) or "none"}.')
    return checked_partition(read_json(folder, file), folder.of(file))


def checked_partition(table: Any, where: str) -> dict[str, tuple[str, ...]]:
    """Return a partition, once it is one."""
    if not isinstance(table, dict) or not all(isinstance(table.get(split), list) for split in FIXED_SPLITS):
        raise DataError(f"{where}: expected lists of sample names under {', '.join(FIXED_SPLITS)}.")
    wrong = next((n for s in FIXED_SPLITS for n in table[s] if not isinstance(n, str) or not _PLAIN.fullmatch(n)), None)
    if wrong is not None:
        raise DataError(f"{where}: found {str(wrong)[:80]!r}, expected the name of a sample, such as id_17.")
    return {split: tuple(table[split]) for split in FIXED_SPLITS}


def read_statistics(folder: Folder) -> dict[str, Statistics]:
    """Return what the publisher measured on each stored band; {} without the file.

    Raises:
        DataError: the file is not a table of numbers.
    """
    if BAND_STATS not in folder.names:
        return {}
    return checked_statistics(read_json(folder, BAND_STATS), folder.of(BAND_STATS))


def checked_statistics(table: Any, where: str) -> dict[str, Statistics]:
    """Return statistics of stored bands, once they are finite numbers."""
    if not isinstance(table, dict):
        raise DataError(f"{where}: expected {{band: {{mean, std, min, max}}}}.")
    found = {}
    for band, entry in table.items():
        if band == "label" or not isinstance(entry, dict):
            continue
        numbers = [entry.get(key) for key in ("mean", "std", "min", "max")]
        if not all(isinstance(number, int | float) and abs(number) < 1e30 for number in numbers):
            raise DataError(f"{where}: {band[:80]} has no finite mean, std, min and max. Get the file again.")
        found[band] = Statistics(*map(float, numbers))  # type: ignore[arg-type]
    return found


def read_class_names(folder: Folder, num_classes: int) -> tuple[str, ...]:
    """Return the names of classes that `task_specs.pkl` says, or numbers where it says none.

    Raises:
        DataError: the file is not what it should be, or speaks of another number of classes.
    """
    numbered = tuple(f"class {number}" for number in range(num_classes))
    if TASK_SPECS not in folder.names:
        return numbered
    where = folder.of(TASK_SPECS)
    task = safe_pickle.read(folder.read(TASK_SPECS, safe_pickle.LARGEST), where=where)
    label = task.get("label_type") if isinstance(task, safe_pickle.Record) else None
    if not isinstance(label, safe_pickle.Record):
        raise DataError(f"{where}: no description of a task with a label_type. Get the file again.")
    count = pickled_values.whole_numbers(label.get("n_classes"))
    if count is not None and count != num_classes:
        raise DataError(f"{where}: {count} classes, expected {num_classes}. This is another dataset.")
    names = next((found for key in ("_class_names", "class_names") if (found := label.get(key))), None)
    return checked_class_names(names, num_classes) or numbered


def checked_class_names(names: Any, num_classes: int) -> tuple[str, ...]:
    """Return names of classes if they are one short text each, else ()."""
    if not isinstance(names, list | tuple) or len(names) != num_classes:
        return ()
    return tuple(names) if all(isinstance(name, str) and 0 < len(name) <= 200 for name in names) else ()


def read_json(folder: Folder, name: str) -> Any:
    """Return what a JSON file holds.

    Raises:
        DataError: it is none.
    """
    try:
        return json.loads(folder.read(name))
    except (ValueError, RecursionError) as cause:
        raise DataError(f"{folder.of(name)}: cannot be read as JSON ({type(cause).__name__}). Get it again.") from cause
