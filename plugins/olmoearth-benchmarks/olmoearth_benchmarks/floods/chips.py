"""Hand-labelled flood chips as they are published: three images per chip, cut into tiles of 64 x 64 pixels.

A tile counts if one of its pixels is labelled as water, as in the prepared tiles, so both give the same samples.
"""

# C bands, H W pixels
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio.windows import Window

from olmoearth_benchmarks.dense.published_files import Folder
from olmoearth_benchmarks.dense.tensor_file import check_label_values, local_copies
from olmoearth_core.errors import DataError

TILE, NUM_CLASSES = 64, 2
LABEL, RADAR, OPTICAL = "LabelHand", "S1Hand", "S2Hand"
BANDS: Mapping[str, int] = {LABEL: 1, RADAR: 2, OPTICAL: 13}
"""End of a file's name -> number of its bands: VV and VH in dB; all thirteen, at the top of the atmosphere."""
_HAND = ("", "HandLabeled", "data/flood_events/HandLabeled", "v1.1/data/flood_events/HandLabeled")
_KINDS = ("", LABEL, RADAR, OPTICAL, "s1", "s2")
_LISTS = ("", "splits", "splits/flood_handlabeled", "v1.1/splits/flood_handlabeled")
_FACTS = tuple(f"{folder}Sen1Floods11_Metadata.geojson" for folder in ("", "v1.1/"))
_NAME = re.compile(r"([A-Za-z0-9-]{1,40}_[A-Za-z0-9-]{1,40})_(LabelHand|S1Hand|S2Hand)\.tiff?")
_MOST_SIDE = 4096
_DATE = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")


@dataclass(frozen=True)
class Tile:
    """A window of a chip, in pixels."""

    chip: str
    top: int
    left: int
    group: str

    @property
    def name(self) -> str:
        """What to call it."""
        return f"{self.chip} at {self.top}, {self.left}"


class Chips:
    """The chips of a folder. files: chip -> end of the name -> file."""

    def __init__(self, root: str) -> None:
        """List the folder.

        Raises:
            DataError: it holds no chip.
        """
        self.folder = Folder(root, cache=local_copies())
        self.files: dict[str, dict[str, str]] = {}
        for parent in (f"{a}/{b}".strip("/") for a in _HAND for b in _KINDS):
            for name in self.folder.names(parent):
                if match := _NAME.fullmatch(name):
                    self.files.setdefault(match[1], {}).setdefault(match[2], f"{parent}/{name}".lstrip("/"))
        if not any(LABEL in files for files in self.files.values()):
            raise DataError(
                f"{root}: neither flood_train_data.pt nor chips such as Spain_7370579_LabelHand.tif. "
                f"`olmoearth benchmarks list` says where they are published."
            )

    def labelled(self) -> list[str]:
        """Return the chips that have a label, in order."""
        return sorted(chip for chip, files in self.files.items() if LABEL in files)

    def listed(self, split: str) -> list[str] | None:
        """Return the chips that the publisher's list names, or None without a list.

        Raises:
            DataError: the list names a chip that is not here.
        """
        names = [f"{folder}/flood_{split}_data.csv".lstrip("/") for folder in _LISTS]
        name = next((name for name in names if self.folder.has(name)), None)
        if name is None:
            return None
        chips = []
        for line in self.folder.read(name, 2**22).decode("utf-8", "replace").splitlines():
            match = next(
                (m for cell in line.split(",") if (m := _NAME.fullmatch(cell.strip().rpartition("/")[2]))), None
            )
            if match is not None:
                chips.append(match[1])
        missing = next((chip for chip in chips if LABEL not in self.files.get(chip, {})), None)
        if missing is not None or not chips:
            found = f"names {missing}, of which there is no label" if missing else "names no chip"
            raise DataError(f"{self.folder.where(name)} {found}. Get the rest of the chips.")
        return chips

    def tiles(self, chips: Sequence[str]) -> list[Tile]:
        """Return the windows with water, chip by chip, row by row. Reads the labels, nothing else."""
        found = []
        for chip in chips:
            with self.folder.raster(self._file(chip, LABEL)) as raster:
                label_HW = self._checked(raster, chip, LABEL).read(1)
            check_label_values(label_HW, self.folder.where(self._file(chip, LABEL)), NUM_CLASSES)
            height, width = label_HW.shape
            for top in range(0, height - TILE + 1, TILE):
                for left in range(0, width - TILE + 1, TILE):
                    if (label_HW[top : top + TILE, left : left + TILE] > 0).any():
                        quarter = "ns"[top >= height // 2] + "we"[left >= width // 2]
                        found.append(Tile(chip, top, left, f"{chip} {quarter}"))
        return found

    def read(self, tile: Tile, kind: str) -> np.ndarray:
        """Return the values of a window, [C,H,W].

        Raises:
            DataError: the file is missing, damaged, or smaller than the label.
        """
        with self.folder.raster(self._file(tile.chip, kind)) as raster:
            self._checked(raster, tile.chip, kind)
            if tile.top + TILE > raster.height or tile.left + TILE > raster.width:
                raise DataError(
                    f"{self.folder.where(self._file(tile.chip, kind))}: {raster.height} x {raster.width} pixels, "
                    f"smaller than its label. Get it again."
                )
            values: np.ndarray = raster.read(window=Window(tile.left, tile.top, TILE, TILE))
        return values

    def dates(self) -> dict[str, np.ndarray]:
        """Return the day of each event's radar image, int32 [1,3]; {} without the publisher's table of events."""
        name = next((name for name in _FACTS if self.folder.has(name)), None)
        table = self.folder.json(name) if name else {}
        features = table.get("features") if isinstance(table, dict) else None
        found = {}
        for feature in features if isinstance(features, list) else []:
            facts = feature.get("properties") if isinstance(feature, dict) else None
            if isinstance(facts, dict) and (date := _DATE.match(str(facts.get("s1_date")))):
                year, month, day = map(int, date.groups())
                if 1 <= month <= 12 and 1 <= day <= 31:
                    found[str(facts.get("location")).lower()] = np.array([[day, month - 1, year]], dtype=np.int32)
        return found

    def require(self, chips: Sequence[str], kinds: Sequence[str]) -> None:
        """Refuse chips of which an image is missing."""
        for chip in chips:
            for kind in kinds:
                self._file(chip, kind)

    def _file(self, chip: str, kind: str) -> str:
        name = self.files[chip].get(kind)
        if name is None:
            raise DataError(f"{self.folder.url}: there is no {chip}_{kind}.tif, though its label is here. Get it.")
        return name

    def _checked(self, raster: Any, chip: str, kind: str) -> Any:
        if raster.count != BANDS[kind] or np.dtype(raster.dtypes[0]).kind not in "iuf":
            raise DataError(
                f"{self.folder.where(self._file(chip, kind))}: {raster.count} bands of {raster.dtypes[0]}, expected "
                f"{BANDS[kind]} of numbers. Get it again."
            )
        if max(raster.height, raster.width) > _MOST_SIDE:
            where = self.folder.where(self._file(chip, kind))
            raise DataError(f"{where}: {raster.height} x {raster.width} pixels, expected 512 x 512.")
        return raster


def day_of(dates: Mapping[str, np.ndarray], chip: str, unknown: np.ndarray) -> np.ndarray:
    """Return the day of a chip's event: its name begins with the place."""
    return dates.get(chip.rpartition("_")[0].lower(), unknown)
