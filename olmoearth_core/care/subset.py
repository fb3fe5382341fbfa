"""Cut a part out of a data set: by number, share, place, time, modality or a list of file numbers.

All conditions must hold; number and share are drawn last, by seed. Chosen samples keep their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from olmoearth_core.care import derive
from olmoearth_core.care.opened import opened, values
from olmoearth_core.data.folder import find
from olmoearth_core.data.npy import read_npy
from olmoearth_core.errors import DataError

MOST_BYTES = 2**31


@dataclass(frozen=True)
class Choice:
    """What a subset keeps.

    number, share: how many samples, or which part (0, 1], drawn by `seed`. modalities: what files keep; () = all.
    bbox: west, south, east, north in degrees; west > east crosses the antimeridian. months: first and last (year,
    month 1-12) of which a sample must have a step. indices: file numbers to choose from.
    """

    number: int | None = None
    share: float | None = None
    seed: int = 0
    modalities: tuple[str, ...] = ()
    bbox: tuple[float, float, float, float] | None = None
    months: tuple[tuple[int, int], tuple[int, int]] | None = None
    indices: tuple[int, ...] | None = None


def subset(url: str, out: Path, choice: Choice, *, copy: bool = False) -> Path:
    """Write the chosen samples of a local data set as a new one below `out`; return its numbered folder.

    Raises:
        DataError: a wish that cannot be met, nothing left, or a damaged file on the way.
    """
    folder = find(url)
    path = derive.local(folder, "olmoearth dataset subset")
    parts = derive.parts_of(folder, path)
    columns = list(folder.columns())
    parts = _listed(parts, choice, path)
    if choice.modalities:
        columns = _columns(columns, choice.modalities, path)
        parts = [cut for part in parts if (cut := _cut(part, columns)).keep]
    if choice.bbox:
        parts = [part for part in parts if inside(part.latlon, choice.bbox)]
    if choice.months:
        parts = [part for part in parts if _within(part.path, choice.months)]
    parts = _drawn(parts, choice, path)
    told: dict[str, Any] = {"deed": "subset", "from": str(path), "choice": _plain(choice)}
    if not parts:
        raise DataError(f"{path}: none of its {folder.count} samples meets all conditions. Ask for less.")
    return derive.write(
        derive.folder_of(out.absolute(), folder, columns, len(parts)), parts, columns, told, parent=path, copy=copy
    )


def inside(latlon: tuple[float, float], bbox: tuple[float, float, float, float]) -> bool:
    """Whether a place lies in a box of degrees, edges included."""
    west, south, east, north = bbox
    lat, lon = latlon
    return south <= lat <= north and (west <= lon <= east if west <= east else lon >= west or lon <= east)


def read_indices(path: Path) -> tuple[int, ...]:
    """Read file numbers from an .npy array of whole numbers or a text file with one a line."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path}: has more than {MOST_BYTES >> 30} GB, which is no list of file numbers.")
        found = _array(path) if path.suffix == ".npy" else _numbers(path)
    except (OSError, ValueError, OverflowError) as cause:
        raise DataError(
            f"{path}: cannot be read as file numbers ({cause}). Give an .npy or one number a line."
        ) from cause
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise DataError(f"{path}: found {found.dtype} {list(found.shape)}, expected a list of whole numbers.")
    return tuple(int(n) for n in found)


def _array(path: Path) -> np.ndarray:
    with path.open("rb") as stream:
        return read_npy(stream)


def _numbers(path: Path) -> np.ndarray:
    return np.array([int(line) for line in path.read_text("utf-8").split()], dtype=np.int64)


def _listed(parts: list[derive.Part], choice: Choice, path: Path) -> list[derive.Part]:
    if choice.indices is None:
        return parts
    wrong = [n for n in choice.indices if not 0 <= n < len(parts)]
    if wrong:
        raise DataError(f"{path}: has the samples 0 to {len(parts) - 1}, but {wrong[:5]} were asked for.")
    return [parts[n] for n in sorted(set(choice.indices))]


def _columns(have: Sequence[str], wanted: Sequence[str], path: Path) -> list[str]:
    wanted = [name.lower() for name in wanted]
    missing = [name for name in wanted if name not in have]
    if missing:
        raise DataError(f"{path}: has no {', '.join(missing)}. It has {', '.join(have)}.")
    return [name for name in have if name in wanted]


def _cut(part: derive.Part, columns: Sequence[str]) -> derive.Part:
    keep = tuple(name for name in part.keep if name in columns)
    return replace(part, keep=keep, whole=keep == part.keep)


def _within(path: Path, months: tuple[tuple[int, int], tuple[int, int]]) -> bool:
    with opened(str(path)) as file:
        stamps = values(file, "timestamps")
    if stamps.ndim != 2 or stamps.shape[1] != 3:
        raise DataError(f"{path}: timestamps is {list(stamps.shape)}, expected [T, 3]. Run `olmoearth dataset verify`.")
    return any(months[0] <= (int(year), int(month) + 1) <= months[1] for _, month, year in stamps)


def _drawn(parts: list[derive.Part], choice: Choice, path: Path) -> list[derive.Part]:
    number = choice.number if choice.share is None else int(len(parts) * choice.share)
    if choice.share is not None and choice.number is not None:
        raise DataError("subset: give a number or a percentage, not both.")
    if number is None:
        return parts
    if not 0 < number <= len(parts):
        raise DataError(f"{path}: {number} samples asked for, {len(parts)} meet the other conditions.")
    chosen = np.random.default_rng(choice.seed).choice(len(parts), number, replace=False)
    return [parts[i] for i in sorted(chosen.tolist())]


def _plain(choice: Choice) -> dict[str, Any]:
    # The numbers themselves are in source_indices.npy.
    kept = {k: v for k, v in asdict(choice).items() if v not in (None, ()) and k != "indices"}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in sorted(kept.items())} | (
        {"indices": len(choice.indices)} if choice.indices is not None else {}
    )
