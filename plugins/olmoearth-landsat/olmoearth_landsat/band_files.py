"""Landsat images as one file per band without metadata, as they are taken out of bundles and buckets.

Such files say nothing of level and time but by their names, so what those do not say must be declared.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import xarray

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.chosen_bands import chosen_bands
from olmoearth_core.readers.layers import opened
from olmoearth_core.readers.times import declared_time
from olmoearth_landsat.band_groups import Group, group_of, has_metadata, is_alone
from olmoearth_landsat.images import BandLayer, Images, array_of, finest, require_level
from olmoearth_landsat.product import LEVEL2_BANDS, MODALITY, Level, level_of
from olmoearth_landsat.quality import NOT_CLEAR, mask_of, quality_layer, require_bits, require_flags
from olmoearth_landsat.scaling import agree_with_header, conversion


def band_files(*, level: str = "", time: str = "", not_clear: Sequence[str] = NOT_CLEAR) -> Reader:
    """Read Landsat 8/9 images of one file per band, named NAME_B4.TIF, or NAME_SR_B4.TIF and NAME_ST_B10.TIF.

    A path is a folder with one image, one of the files, or what their names begin with. B8 with others comes on its
    grid of 15 m, as in `landsat.level1.v1`.

    level: "l1" (digital numbers) or "l2" (numbers of Collection 2 Level-2) where the names do not say it.
    time: date and time, UTC, where the names do not say it; names say the day alone, which is dated to midnight.
    not_clear: flags of a file NAME_QA_PIXEL.TIF that hide the ground; a BQA of Collection 1 has other bits and says
        nothing here.
    """
    if level not in ("", "l1", "l2"):
        raise ConfigError(f'level = {level!r}: expected "l1", "l2", or "" where the name of the file says it.')
    return _BandFiles(level, declared_time(time), require_flags(not_clear))


@dataclass(frozen=True)
class _BandFiles:
    level: str
    time: datetime | None
    not_clear: tuple[str, ...]
    name: str = "landsat.band_files.v1"

    @property
    def modalities(self) -> tuple[str, ...]:
        return tuple(name for of, name in MODALITY.items() if self.level in ("", of))

    def recognises(self, path: str) -> bool:
        """Only the first file stands for its group, so that a walk through a folder meets each image once."""
        try:
            group = group_of(path)
            if os.path.isdir(path):
                mine = is_alone(group)
            else:
                mine = not os.path.exists(path) or os.path.samefile(path, group.lead)
            if not mine or not group.is_landsat() or has_metadata(group.folder):
                return False
            with opened(group.lead) as raster:
                return bool(raster.count == 1)
        except (DataError, OSError):
            return False

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        group, level, time = self._known(path)
        require_level(path, level, spec)
        files = {b: file for b, file in group.files.items() if level == "l1" or b in LEVEL2_BANDS}
        layers = {}
        for band in chosen_bands(path, files, spec, bands):
            agree_with_header(files[band], level, band)
            layers[band] = BandLayer(files[band], 1, (0,), conversion(level, band))
        return array_of(Images(path, level, {time: layers}), spec, self.name, bands)

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        group, level, time = self._known(path)
        require_level(path, level, spec)
        if group.mask is None:
            return None
        require_bits(group.mask)
        onto = finest({band: BandLayer(file) for band, file in group.files.items()})
        return mask_of({time: quality_layer(group.mask, self.not_clear)}, onto, self.not_clear)

    def _known(self, path: str) -> tuple[Group, Level, datetime]:
        group = group_of(path)
        said = group.product()
        level = level_of(path, said, self.level)
        _require_kind(path, group, level)
        time = self.time or (None if said is None else said.day)
        if time is None:
            raise DataError(f"{path}: its name holds no product identifier, and so no date. Declare time = YYYY-MM-DD.")
        return group, level, time


def _require_kind(path: str, group: Group, level: Level) -> None:
    """Names of Level-2 files say SR_B4 and ST_B10, those of Level-1 never do."""
    names = [os.path.basename(file) for file in group.files.values()]
    rescaled = [name for name in names if any(mark in name.upper() for mark in ("SR_B", "ST_B"))]
    wrong = rescaled if level == "l1" else [name for name in names if name not in rescaled]
    if wrong:
        expected = "NAME_B4.TIF" if level == "l1" else "NAME_SR_B4.TIF and NAME_ST_B10.TIF"
        raise DataError(
            f"{path}: {wrong[0]} is not named as a file of Level-{level[1]} ({expected}). Expected files of one level; "
            "keep those of two in two folders."
        )
