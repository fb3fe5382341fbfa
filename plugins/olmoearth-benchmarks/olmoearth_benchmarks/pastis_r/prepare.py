"""From published patches of PASTIS-R to one file per tile and sensor (evaluation.md 4.6).

Radar images are put into months by their own days. The reference uses the days of the optical images for them; ask
for `s1_dates = "s2"` to repeat that. What was asked for is written beside the tiles, because tiles do not show it.
"""

# M months, C bands, H W pixels
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from olmoearth_benchmarks.dense.images import THIRTEEN
from olmoearth_benchmarks.dense.published_files import Folder
from olmoearth_benchmarks.dense.tensor_file import check_label_values
from olmoearth_benchmarks.dense.whole_file import Stack, exists, write_json, write_tensors
from olmoearth_benchmarks.pastis_r import months
from olmoearth_core.errors import DataError

MARKER = "pastis_r.json"
PATCH, VOID = 128, 19
FOLDS: Mapping[str, tuple[int, ...]] = {"train": (1, 2, 3), "valid": (4,), "test": (5,)}
_STORED = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
_COPIES = {"B01": "B02", "B09": "B8A", "B10": "B11"}
_OFTEN = 100


@dataclass(frozen=True)
class Patch:
    """What the table says of a patch: months of each sensor's images, and those that are kept.

    own_days: whether those of the radar are by its own days, one for each image.
    """

    number: int
    s2: tuple[int, ...]
    s1: tuple[int, ...]
    kept: tuple[int, ...]
    own_days: bool


def prepare(raw: str, out: str, *, size: int, s1_dates: str) -> Iterator[str]:
    """Write `pastis_r_{train,valid,test}/` below `out`, in tiles of `size` pixels; yield lines of progress.

    Raises:
        DataError: the table or a patch is not what it should be, or `out` holds tiles that were made otherwise.
    """
    folder, out = Folder(raw, inside=("PASTIS-R",), marker="metadata.geojson"), out.rstrip("/")
    splits = plan(folder, s1_dates)
    facts = {"size": size, "s1_dates": s1_dates, "patches": {s: [p.number for p in ps] for s, ps in splits.items()}}
    _claim(out, facts)
    for split, patches in splits.items():
        place = f"{out}/pastis_r_{split}"
        if exists(f"{place}/months.pt") and exists(f"{place}/targets.pt"):
            yield f"pastis_r_{split}: is there"
            continue
        for number, patch in enumerate(patches):
            _write_images(folder, patch, place, number * (PATCH // size) ** 2, size)
            if (number + 1) % _OFTEN == 0:
                yield f"pastis_r_{split}: {number + 1} of {len(patches)} patches"
        _write_targets(folder, patches, place, size)
        yield f"pastis_r_{split}: {len(patches)} patches, all"


def plan(folder: Folder, s1_dates: str) -> dict[str, list[Patch]]:
    """Return the patches of each split that have all files and twelve months, folds one after another.

    Raises:
        DataError: the table is damaged, or a fold is empty.
    """
    table = folder.json("metadata.geojson")
    features = table.get("features") if isinstance(table, dict) else None
    if not isinstance(features, list):
        raise DataError(f"{folder.where('metadata.geojson')}: no list of features. Get the archive again.")
    files = {parent: set(folder.names(parent)) for parent in ("DATA_S2", "DATA_S1A", "ANNOTATIONS")}
    by_fold: dict[int, list[Patch]] = {fold: [] for folds in FOLDS.values() for fold in folds}
    for feature in features:
        facts = feature.get("properties") if isinstance(feature, dict) else None
        facts = facts if isinstance(facts, dict) else {}
        number, fold = _numbers(facts, folder.where("metadata.geojson"))
        if all(name.partition("/")[2] in files[name.partition("/")[0]] for name in _files(number).values()):
            patch = _patch(number, facts, folder.where(f"metadata.geojson, patch {number}"), s1_dates)
            if len(patch.kept) == months.KEPT:
                by_fold[fold].append(patch)
    empty = next((fold for fold, patches in by_fold.items() if not patches), None)
    if empty is not None:
        raise DataError(f"{folder.url}: fold {empty} has no whole patch. Get the rest of the archive.")
    return {split: [patch for fold in folds for patch in by_fold[fold]] for split, folds in FOLDS.items()}


def _numbers(facts: Mapping[str, Any], where: str) -> tuple[int, int]:
    try:
        number, fold = int(facts["ID_PATCH"]), int(facts["Fold"])
    except (KeyError, TypeError, ValueError, OverflowError) as cause:
        raise DataError(f"{where}: a patch without ID_PATCH or Fold. Get the archive again.") from cause
    if fold not in range(1, 6) or number < 0:
        raise DataError(f"{where}: patch {number} in fold {fold}, expected folds 1 to 5.")
    return number, fold


def _patch(number: int, facts: Mapping[str, Any], where: str, s1_dates: str) -> Patch:
    s2 = months.by_frame(facts.get("dates-S2"), f"{where}, dates-S2")
    s1 = s2 if s1_dates == "s2" else months.by_frame(facts.get("dates-S1A"), f"{where}, dates-S1A")
    return Patch(number, tuple(s2), tuple(s1), months.kept(s2, where), s1_dates != "s2")


def _files(number: int) -> dict[str, str]:
    return {
        "s2": f"DATA_S2/S2_{number}.npy",
        "s1": f"DATA_S1A/S1A_{number}.npy",
        "target": f"ANNOTATIONS/TARGET_{number}.npy",
    }


def _claim(out: str, facts: Mapping[str, Any]) -> None:
    """Write down what is made here, or refuse to mix it with something else."""
    if exists(f"{out}/{MARKER}"):
        if Folder(out).json(MARKER) != facts:
            raise DataError(
                f"{out}: holds tiles that were made with other settings or other patches ({MARKER} says which). "
                f"Choose an empty folder."
            )
    elif exists(f"{out}/pastis_r_train"):
        raise DataError(f"{out}: holds tiles of unknown making. Choose an empty folder.")
    else:
        write_json(f"{out}/{MARKER}", facts)


def _write_images(folder: Folder, patch: Patch, place: str, first: int, size: int) -> None:
    places = [[f"{place}/{kind}_images/{first + n}.pt" for n in range((PATCH // size) ** 2)] for kind in ("s2", "s1")]
    if all(exists(url) for urls in places for url in urls):
        return
    names = _files(patch.number)
    s2 = months.means(_frames(folder, names["s2"], 10, patch.s2, exact=True), patch.s2, patch.kept)
    s1 = months.means(_frames(folder, names["s1"], 3, patch.s1, exact=patch.own_days)[:, :2], patch.s1, patch.kept)
    sources = [_STORED.index(_COPIES.get(band, band)) for band in THIRTEEN]
    for urls, values_MCHW in zip(places, (s2[:, sources], s1), strict=True):
        for url, window in zip(urls, quadrants(size), strict=True):
            write_tensors(url, torch.from_numpy(np.ascontiguousarray(values_MCHW[..., *window])))


def _frames(folder: Folder, name: str, bands: int, of: tuple[int, ...], *, exact: bool) -> np.ndarray:
    """Return the images of a sensor. exact: there must be one per day; else more are cut off, as the reference does."""
    frames = folder.numbers(name)
    count = len(of)
    enough = frames.ndim == 4 and (frames.shape[0] == count if exact else frames.shape[0] >= count)
    if not enough or frames.shape[1:] != (bands, PATCH, PATCH):
        raise DataError(
            f"{folder.where(name)}: has shape {list(frames.shape)}, expected [{count}, {bands}, {PATCH}, {PATCH}] "
            f"for its {count} days. Get the archive again."
        )
    return frames[:count]


def quadrants(size: int) -> list[tuple[slice, slice]]:
    """Return the windows of a patch, column by column: top left, bottom left, top right, bottom right."""
    starts = range(0, PATCH, size)
    return [np.s_[top : top + size, left : left + size] for left in starts for top in starts]


def _write_targets(folder: Folder, patches: list[Patch], place: str, size: int) -> None:
    windows = quadrants(size)
    with Stack((size, size), "int64") as targets:
        for patch in patches:
            name = _files(patch.number)["target"]
            planes = folder.numbers(name)
            if planes.ndim != 3 or planes.shape[1:] != (PATCH, PATCH) or not len(planes):
                raise DataError(
                    f"{folder.where(name)}: has shape {list(planes.shape)}, expected [3, {PATCH}, {PATCH}]."
                )
            check_label_values(planes[0], folder.where(name), VOID + 1)
            target_HW = planes[0].astype(np.int64)
            target_HW[target_HW == VOID] = -1
            for window in windows:
                targets.add(target_HW[window])
        write_tensors(f"{place}/targets.pt", targets.tensor())
    table = np.repeat(np.array([patch.kept for patch in patches], dtype=np.int64), len(windows), axis=0)
    write_tensors(f"{place}/months.pt", torch.from_numpy(table))
