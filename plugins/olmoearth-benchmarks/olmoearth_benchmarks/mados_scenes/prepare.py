"""From the published scenes of MADOS to tiles of 80 x 80 pixels in one file per split (evaluation.md 4.4).

Scenes have 240 x 240 pixels at 10 m. Bands of 20 and 60 m are interpolated; B06, B09 and B10, which atmospheric
correction for water does not give, are made from their neighbours so that files have the thirteen bands of the
published tiles; `open` says that they are absent. Labels: stored 0 = not labelled becomes -1, 1...15 become 0...14.
"""

# C bands, H W pixels
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np
import torch

from olmoearth_benchmarks.dense.images import THIRTEEN
from olmoearth_benchmarks.dense.published_files import Folder
from olmoearth_benchmarks.dense.tensor_file import check_label_values
from olmoearth_benchmarks.dense.whole_file import Stack, exists, write_tensors
from olmoearth_core.errors import DataError

SPLITS = ("train", "val", "test")
SIDE, TILE, NUM_CLASSES = 240, 80, 15
_LINE = re.compile(r"(Scene_\d{1,6})_(\d{1,6})")
_WAVELENGTHS: Mapping[str, tuple[int, tuple[int, ...]]] = {
    "B01": (60, (442, 443)), "B02": (10, (492,)), "B03": (10, (559, 560)), "B04": (10, (665,)), "B08": (10, (833,)),
    "B05": (20, (704,)), "B07": (20, (780, 783)), "B8A": (20, (864, 865)), "B11": (20, (1610, 1614)),
    "B12": (20, (2186, 2202)),
}  # fmt: skip
"""Band -> metres of its pixels and the wavelengths in nm that file names give: the two satellites differ."""


def prepare(raw: str, out: str) -> Iterator[str]:
    """Write `MADOS_{train,val,test}.pt` below `out`; yield a line per split."""
    folder = Folder(raw, inside=("MADOS",), marker="splits")
    for split in SPLITS:
        place = f"{out.rstrip('/')}/MADOS_{split}.pt"
        if exists(place):
            yield f"MADOS_{split}.pt: is there"
            continue
        yield f"MADOS_{split}.pt: {_write(folder, split, place)} tiles"


def _write(folder: Folder, split: str, place: str) -> int:
    names: list[str] = []
    groups: list[str] = []
    shape = (TILE, TILE)
    with Stack((*shape, len(THIRTEEN)), "float32") as images, Stack(shape, "int64") as labels:
        for scene, crop in listed(folder, split):
            values_CHW, label_HW = read(folder, scene, crop)
            for number in range((SIDE // TILE) ** 2):
                row, column = divmod(number, SIDE // TILE)
                window = np.s_[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
                if (label_HW[window] >= 0).any():
                    images.add(values_CHW[:, *window].transpose(1, 2, 0))
                    labels.add(label_HW[window])
                    names.append(f"{scene}_{crop} tile {number}")
                    groups.append(scene)
        if not names:
            raise DataError(f"{folder.url}: no tile of split {split} has a label. Get the archive again.")
        write_tensors(place, {"images": images.tensor(), "labels": labels.tensor(), "names": names, "groups": groups})
    return len(names)


def listed(folder: Folder, split: str) -> list[tuple[str, str]]:
    """Return the scenes and crops of a split, in the order of its list."""
    name = f"splits/{split}_X.txt"
    lines = folder.read(name, 2**20).decode("utf-8", "replace").split()
    found = [_LINE.fullmatch(line) for line in lines]
    wrong = next((line for line, match in zip(lines, found, strict=True) if match is None), None)
    if wrong is not None or not lines:
        raise DataError(f"{folder.where(name)}: found {str(wrong)[:40]!r}, expected lines such as Scene_12_3.")
    return [(match[1], match[2]) for match in found if match is not None]


def read(folder: Folder, scene: str, crop: str) -> tuple[np.ndarray, np.ndarray]:
    """Return thirteen bands, float32 [C,H,W], and labels, int64 [H,W] with -1 = not labelled."""
    planes = {band: _band(folder, scene, crop, band) for band in _WAVELENGTHS}
    planes["B06"] = (planes["B05"] + planes["B07"]) / 2
    planes["B09"] = planes["B8A"]
    planes["B10"] = (planes["B8A"] + planes["B11"]) / 2
    name = f"{scene}/10/{scene}_L2R_cl_{crop}.tif"
    label = folder.bands(name, (1, SIDE, SIDE))[0]
    # Checked before the shift, in whose whole numbers NaN would look like something.
    check_label_values(label, folder.where(name), NUM_CLASSES + 1)
    return np.stack([planes[band] for band in THIRTEEN]), np.maximum(label, 0).astype(np.int64) - 1


def _band(folder: Folder, scene: str, crop: str, band: str) -> np.ndarray:
    meters, wavelengths = _WAVELENGTHS[band]
    names = [f"{scene}/{meters}/{scene}_L2R_rhorc_{wave}_{crop}.tif" for wave in wavelengths]
    name = next((name for name in names if folder.has(name)), None)
    if name is None:
        raise DataError(f"{folder.where(names[0])} is missing (band {band}). Get the archive again.")
    side = SIDE * 10 // meters
    values = torch.from_numpy(folder.bands(name, (1, side, side)).astype(np.float32))
    if meters > 10:
        values = torch.nn.functional.interpolate(values[None], size=(SIDE, SIDE), mode="bilinear", align_corners=False)[
            0
        ]
    plane: np.ndarray = values[0].numpy()
    return plane
