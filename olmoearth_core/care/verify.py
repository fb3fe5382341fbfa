"""Whether a data set is whole: every file checked, against the format, the tables and the manifest.

Unlike training, which stops at the first doubt, this goes on and lists all that is wrong, also where the folder's
name or its tables cannot be used.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import fsspec
import numpy as np

from olmoearth_core import uri
from olmoearth_core.care.check_sample import AGAIN, TABLES, Checked, Expected, check_sample
from olmoearth_core.care.problem import Problem
from olmoearth_core.convert.dataset_writer import MANIFEST, RECORDS, SETTINGS, read_records
from olmoearth_core.convert.manifest_db import DATABASE
from olmoearth_core.data.folder import LATLONS, METADATA, Folder, find
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec

KNOWN = (METADATA, LATLONS, SETTINGS, MANIFEST, RECORDS, DATABASE, "source_indices.npy", "provenance.json", "labels")
_SAMPLE = re.compile(r"sample_(\d+)\.h5")
MOST_SAMPLES = 50_000_000


@dataclass
class Verdict:
    """What is wrong (problems), what is only odd (notes), and what each file holds, by number."""

    folder: Folder
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: dict[int, Checked] = field(default_factory=dict)
    decoded: int = 0

    @property
    def damaged(self) -> list[int]:
        """Numbers of the sample files that are at fault themselves."""
        return sorted(index for index, checked in self.files.items() if checked.damaged)


def verify(
    url: str,
    specs: Mapping[str, ModalitySpec],
    *,
    decode: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Check the data set at a folder or URL.

    specs: known modalities by name. decode: files whose every chunk is decoded, spread evenly; null = all of them.

    Raises:
        DataError: there is no data set at all.
    """
    verdict = Verdict(_folder(url))
    count = verdict.folder.count
    listed, latlons, records = _tables(verdict)
    _listing(verdict)
    chosen = None if decode is None else set(np.linspace(0, count - 1, min(decode, count)).astype(int).tolist())
    for index in range(count):
        expected = Expected(
            index, specs, verdict.folder.tile_size, listed[index] if listed else None,
            None if latlons is None else (float(latlons[index, 0]), float(latlons[index, 1])), records.get(index),
        )  # fmt: skip
        whole = chosen is None or index in chosen
        verdict.files[index] = check_sample(verdict.folder.sample(index), expected, decode=whole)
        verdict.decoded += whole
        if progress:
            progress(index + 1, count)
    verdict.problems += [problem for checked in verdict.files.values() for problem in checked.problems]
    verdict.problems += _odd_types(verdict)
    return verdict


def _folder(url: str) -> Folder:
    place = uri.resolve(url).rstrip("/")
    filesystem, path = fsspec.core.url_to_fs(place)
    if not any(filesystem.exists(f"{path}/{name}") for name in (METADATA, "sample_0.h5", MANIFEST)):
        return find(url)
    name = path.rsplit("/", 1)[-1]
    if name.isdigit() and 0 < int(name) <= MOST_SAMPLES:
        return Folder(place, int(name))
    # The name is wrong; the files themselves say how many there should be.
    return Folder(place, max(_numbers(filesystem, path), default=0) + 1)


def _numbers(filesystem: Any, path: str) -> list[int]:
    names = (str(entry).rstrip("/").rsplit("/", 1)[-1] for entry in filesystem.ls(path, detail=False))
    return [int(found[1]) for found in map(_SAMPLE.fullmatch, names) if found and len(found[1]) < 9]


def _tables(verdict: Verdict) -> tuple[list[frozenset[str]] | None, np.ndarray | None, dict[int, Any]]:
    folder, listed, latlons = verdict.folder, None, None
    try:
        columns = folder.columns()
        listed = [frozenset(n for n, there in columns.items() if there[i]) for i in range(folder.count)]
    except DataError as error:
        verdict.problems.append(_table(METADATA, folder, error))
    try:
        latlons = folder.latlons()
        if latlons is None:
            verdict.problems.append(Problem(LATLONS, "no such file", f"lat/lon of {folder.count} samples", TABLES))
    except DataError as error:
        verdict.problems.append(_table(LATLONS, folder, error))
    return listed, latlons, _records(verdict)


def _records(verdict: Verdict) -> dict[int, Any]:
    todo = (
        f"The samples are not affected; without {RECORDS} their bytes cannot be checked. Remove it, or convert again."
    )
    try:
        lines = read_records(verdict.folder.url)
        found = {int(_SAMPLE.fullmatch(line["file"])[1]): line for line in lines}  # type: ignore[index]
        bad = [line for line in lines if not {"bytes", "sha256"} <= set(line)]
    except (ValueError, KeyError, TypeError, AttributeError, OSError, DataError) as cause:
        verdict.problems.append(Problem(RECORDS, f"lines that cannot be read ({cause})", "one JSON line a file", todo))
        return {}
    if not lines:
        verdict.notes.append(f"no {RECORDS}: the bytes of files cannot be compared with what was written")
    if bad or (lines and sorted(found) != list(range(verdict.folder.count))):
        what = f"{len(found)} files, {len(bad)} of them without bytes and sha256"
        verdict.problems.append(Problem(RECORDS, what, f"{verdict.folder.count} files", todo))
    return {index: line for index, line in found.items() if line not in bad}


def _table(name: str, folder: Folder, error: DataError) -> Problem:
    text = str(error).removeprefix(f"{folder.url}/{name}: ").split(", expected")[0].rstrip(".")
    return Problem(name, text.removeprefix("found "), f"a table of {folder.count} samples", TABLES)


def _listing(verdict: Verdict) -> None:
    folder = verdict.folder
    try:
        filesystem, path = fsspec.core.url_to_fs(folder.url)
        entries = sorted(str(entry).rstrip("/").rsplit("/", 1)[-1] for entry in filesystem.ls(path, detail=False))
    except (OSError, NotImplementedError):
        verdict.notes.append("the folder cannot be listed, so foreign files are not seen")
        return
    name = folder.url.rsplit("/", 1)[-1]
    if not name.isdigit() or int(name) != folder.count:
        todo = "Rename the folder to the number of its samples; --quarantine makes one without the missing files."
        verdict.problems.append(Problem(name, "another folder name", f"{folder.count}, its number of samples", todo))
    for entry in entries:
        number = _SAMPLE.fullmatch(entry)
        if number and str(int(number[1])) == number[1] and int(number[1]) < folder.count:
            continue
        if entry.startswith("sample_") and entry not in KNOWN:
            todo = "Remove it, or find out why it is there: the folder's name may be wrong."
            verdict.problems.append(
                Problem(entry, "a foreign file", f"sample_0.h5 to sample_{folder.count - 1}.h5", todo)
            )
        elif entry not in KNOWN:
            verdict.notes.append(f"{entry}: not a file of the format; readers pass over it")


def _odd_types(verdict: Verdict) -> Iterator[Problem]:
    """Yield files whose type of a modality differs from that of most files."""
    types: dict[str, Counter[str]] = {}
    for checked in verdict.files.values():
        for name, dtype in checked.dtypes.items():
            types.setdefault(name, Counter())[dtype] += 1
    usual = {name: counter.most_common(1)[0][0] for name, counter in types.items()}
    for index, checked in verdict.files.items():
        for name, dtype in checked.dtypes.items():
            if dtype != usual[name] and not checked.damaged:
                problem = Problem(f"sample_{index}.h5", f"{name} as {dtype}", f"{usual[name]} as in most files", AGAIN)
                checked.problems.append(replace(problem, sample=index))
                yield checked.problems[-1]
