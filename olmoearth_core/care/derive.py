"""How a data set is made from the files of others: linked or copied, renumbered, with tables that fit.

All is prepared in a hidden folder beside the final one and then given its name, which is the number of samples.
provenance.json says what was done and source_indices.npy which file each sample was; doing the same again finds the
finished set and does nothing. manifest.sqlite is not carried over: the parent, named in provenance.json, has it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from olmoearth_core.care.opened import array, opened, values
from olmoearth_core.convert.dataset_writer import MANIFEST, RECORDS, SETTINGS, metadata, read_facts, read_records
from olmoearth_core.convert.h5_writer import MASKS
from olmoearth_core.convert.whole_file import whole, write_text
from olmoearth_core.data.folder import LATLONS, METADATA, Folder
from olmoearth_core.errors import DataError

PROVENANCE = "provenance.json"
INDICES = "source_indices.npy"
_FORMAT = re.compile(r"h5py_data_w_missing_timesteps.*_\d+_x_\d+")


@dataclass(frozen=True)
class Part:
    """One sample of a new set: file `index` of a data set, where it lies, and what of it is kept.

    keep: modalities of the new file. whole: whether these are all that the file holds. record: its manifest line.
    """

    path: Path
    index: int
    latlon: tuple[float, float]
    keep: tuple[str, ...]
    whole: bool = True
    record: Mapping[str, Any] | None = None


def folder_of(out: Path, parent: Folder, columns: Sequence[str], count: int) -> Path:
    """Return where a set made from `parent` goes below `out`: the same layout, other modalities and number."""
    top = parent.url.split("/")[-3] if parent.url.count("/") > 2 else ""
    names = "_".join(sorted(columns))
    return out / top / names / str(count) if _FORMAT.fullmatch(top) else out / names / str(count)


def write(
    final: Path,
    parts: Sequence[Part],
    columns: Sequence[str],
    provenance: Mapping[str, Any],
    *,
    parent: Path,
    copy: bool = False,
) -> Path:
    """Make the data set `final` (its name is the number of parts) and return it.

    columns: of its metadata table. parent: data set whose settings and manifest are taken over. copy: copy files that
    could be linked. Linked files are the same bytes on disk: sample files are never changed in place.

    Raises:
        DataError: nothing to write, another data set lies there, or the disk refuses.
    """
    if not parts:
        raise DataError(f"{final.parent}: no sample is left, so there is no data set to write.")
    told = {**provenance, "num_samples": len(parts), "indices_sha256": _digest(parts)}
    if final.exists():
        if _told(final) == told:
            return final
        raise DataError(f"{final}: already exists and was made otherwise. Remove it, or give another output folder.")
    staging = final.parent / f".making-{final.name}"
    try:
        if _told(staging) != told:
            shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True, exist_ok=True)
        write_text(staging / PROVENANCE, json.dumps(told, indent=2, sort_keys=True) + "\n")
        for number, part in enumerate(parts):
            _place(part, staging / f"sample_{number}.h5", copy=copy)
        _tables(staging, parts, columns, told, parent)
        os.replace(staging, final)
    except OSError as error:
        raise DataError(f"{final}: cannot be written ({error}). Check permissions and free space.") from error
    return final


def local(folder: Folder, what: str) -> Path:
    """Return the folder of a data set on this machine's disk; DataError for a URL. what: the command."""
    if "://" in folder.url and not folder.url.startswith("file://"):
        raise DataError(f"{folder.url}: is a URL, and `{what}` works on local files. Copy the data set here first.")
    return Path(folder.url.removeprefix("file://")).absolute()


def _digest(parts: Sequence[Part]) -> str:
    text = "\n".join(f"{part.path} {','.join(part.keep)}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()


def _told(folder: Path) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = json.loads((folder / PROVENANCE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found


def _place(part: Part, target: Path, *, copy: bool) -> None:
    if target.exists():
        # A file gets its name only when it is whole, so an earlier run's files are good.
        return
    with whole(target) as temporary:
        if not part.whole:
            _cut(part, temporary)
        elif copy:
            shutil.copyfile(part.path, temporary)
        else:
            _link(part.path, temporary)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Another disk, or a file system without links.
        shutil.copyfile(source, target)


def _cut(part: Part, target: Path) -> None:
    """Write a file with some of the modalities; chunks are copied as they are, without decoding."""
    with opened(str(part.path)) as old, h5py.File(target, "w", libver=("earliest", "v110")) as new:
        for name in ("latlon", "timestamps", *part.keep):
            array(old, name)
            old.copy(name, new, name)
        for name in part.keep:
            if MASKS in old and name in old[MASKS]:
                array(old, f"{MASKS}/{name}")
                old.copy(f"{MASKS}/{name}", new.require_group(MASKS), name)


def _tables(folder: Path, parts: Sequence[Part], columns: Sequence[str], told: Mapping[str, Any], parent: Path) -> None:
    np.save(folder / LATLONS, np.array([part.latlon for part in parts], dtype=np.float64))
    np.save(folder / INDICES, np.array([part.index for part in parts], dtype=np.int64))
    if (parent / SETTINGS).exists():
        shutil.copyfile(parent / SETTINGS, folder / SETTINGS)
    lines = list(_records(folder, parts))
    if all(lines):
        write_text(folder / RECORDS, "".join(json.dumps(line) + "\n" for line in lines))
    if (parent / MANIFEST).exists():
        manifest = read_facts(str(parent / MANIFEST), (parent / MANIFEST).read_bytes())
        told_of, about_parent = (_object(manifest.get(key)) for key in ("modalities", "about"))
        kept = {name: value for name, value in told_of.items() if name in columns}
        # Another `about` than the parent's, so that a conversion does not take this for its finished result.
        about = {**about_parent, "derived": dict(told)}
        changed = {**manifest, "about": about, "num_samples": len(parts), "modalities": kept}
        write_text(folder / MANIFEST, json.dumps(changed, indent=2))
    # Last, because readers take a folder with this table for a data set.
    write_text(folder / METADATA, metadata([part.keep for part in parts], columns))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _records(folder: Path, parts: Sequence[Part]) -> Iterator[dict[str, Any]]:
    for number, part in enumerate(parts):
        file = f"sample_{number}.h5"
        if part.record is None:
            yield {}
            continue
        line = {**part.record, "file": file, "modalities": sorted(part.keep)}
        if not part.whole:
            content = (folder / file).read_bytes()
            line |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        yield line


def parts_of(folder: Folder, path: Path) -> list[Part]:
    """Return all samples of a local data set, in their order."""
    columns, latlons = folder.columns(), folder.latlons()
    records = {str(line["file"]): line for line in read_records(str(path))}
    return [
        Part(
            path / f"sample_{i}.h5", i, _latlon(path / f"sample_{i}.h5", None if latlons is None else latlons[i]),
            tuple(name for name, there in columns.items() if there[i]), record=records.get(f"sample_{i}.h5"),
        )
        for i in range(folder.count)
    ]  # fmt: skip


def _latlon(path: Path, row: np.ndarray | None) -> tuple[float, float]:
    if row is None:
        with opened(str(path)) as file:
            row = values(file, "latlon")
        if row.shape != (2,):
            raise DataError(f"{path}: latlon is {list(row.shape)}, expected [2]. Run `olmoearth dataset verify`.")
    return float(row[0]), float(row[1])
