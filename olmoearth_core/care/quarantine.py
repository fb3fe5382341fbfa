"""Take damaged samples out of a data set, so that the rest can be read.

A folder's name is its number of samples and files are numbered without gaps, so a sample cannot just be deleted. The
good files are linked (not copied) into a new folder beside, named after how many they are, renumbered in their old
order; source_indices.npy there says which number each had. Then the old folder moves to `quarantine/` beside, where
it keeps the damaged files, its tables as evidence (the metadata table renamed, so that nothing takes it for a data set)
and reasons.json. Readers that name the folder above go on as before. Killed at any moment, either the old folder or
the new one is whole, and running it again finishes the work.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from olmoearth_core.care import derive
from olmoearth_core.care.verify import Verdict
from olmoearth_core.convert.dataset_writer import read_records
from olmoearth_core.convert.whole_file import write_text
from olmoearth_core.data.folder import METADATA
from olmoearth_core.errors import DataError

PLACE = "quarantine"


def quarantine(verdict: Verdict) -> tuple[Path, Path]:
    """Separate good and damaged files; return the new data set and where the damaged ones are.

    Raises:
        DataError: nothing is damaged, no file is good, or the new folder's name is taken by another data set.
    """
    old = derive.local(verdict.folder, "olmoearth dataset verify --quarantine")
    bad = set(verdict.damaged)
    good = [index for index in verdict.files if index not in bad]
    if not bad or not good:
        what = "no file is damaged" if good else "every file is damaged"
        raise DataError(f"{old}: {what}, so there is nothing to separate.")
    aside = old.parent / PLACE / old.name
    if aside.exists():
        raise DataError(f"{aside}: another quarantine of a folder {old.name} is there. Move it away first.")
    reasons = {f"sample_{i}.h5": [str(problem) for problem in verdict.files[i].problems] for i in sorted(bad)}
    told = {"deed": "quarantine", "from": str(old), "left_out": sorted(bad)}
    new = derive.write(old.parent / str(len(good)), _parts(verdict, old, good), columns(verdict), told, parent=old)
    _move(old, aside, reasons, good)
    return new, aside


def _parts(verdict: Verdict, old: Path, good: list[int]) -> list[derive.Part]:
    try:
        records = {str(line["file"]): line for line in read_records(str(old))}
    except DataError:
        records = {}
    parts = []
    for index in good:
        checked = verdict.files[index]
        assert checked.latlon is not None
        name = f"sample_{index}.h5"
        parts.append(derive.Part(old / name, index, checked.latlon, checked.names, record=records.get(name)))
    return parts


def columns(verdict: Verdict) -> list[str]:
    """Return the columns of the metadata table: those it has, in their order, then what else the files hold."""
    try:
        known = list(verdict.folder.columns())
    except DataError:
        known = []
    return [*known, *sorted({name for checked in verdict.files.values() for name in checked.names} - set(known))]


def _move(old: Path, aside: Path, reasons: dict[str, list[str]], good: list[int]) -> None:
    try:
        write_text(old / "reasons.json", json.dumps(reasons, indent=2) + "\n")
        if (old / METADATA).exists():
            os.replace(old / METADATA, old / f"was_{METADATA}")
        aside.parent.mkdir(exist_ok=True)
        os.replace(old, aside)
        for index in good:
            (aside / f"sample_{index}.h5").unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{old}: cannot be moved to {aside} ({error}). The new data set beside it is whole.") from error
