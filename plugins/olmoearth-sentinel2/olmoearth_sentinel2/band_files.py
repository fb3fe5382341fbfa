"""Sentinel-2 images as one file per band: GeoTIFF, COG or JP2, as BigEarthNet and object stores keep them.

Such files say nothing of level, time and offset but by their names, so what those do not say must be declared.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import xarray

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.layers import opened
from olmoearth_core.readers.stac_item import has_item
from olmoearth_core.readers.times import declared_time, moment
from olmoearth_sentinel2.band_groups import Group, group_of, is_alone
from olmoearth_sentinel2.band_names import Level, level_of, modalities_of
from olmoearth_sentinel2.clear_sky import NOT_CLEAR, classes_layer, mask_of, require_classes
from olmoearth_sentinel2.images import BandLayer, Images, array_of, require_level, require_options
from olmoearth_sentinel2.reflectance import agree_with_header, conversion


def band_files(
    *, offset: int = 0, level: str = "", time: str = "", not_clear: Sequence[int] = NOT_CLEAR
) -> Reader:  # fmt: skip
    """Read Sentinel-2 images of one file per band, named NAME_B02.tif, NAME_B8A.tif and so on.

    A path is a folder with one image, one of the files, or what their names begin with.

    offset: what still has to be added to the digital numbers, 0 or -1000 (products since baseline 04.00, unless whoever
        made the files removed it). It is not told from the values.
    level: "l2a" or "l1c" where the names do not say it.
    time: date and time, UTC, where the names do not say it.
    not_clear: classes of a file NAME_SCL.tif where the ground is not seen.
    """
    require_options(level=level, offset=offset)
    return _BandFiles(offset, level, declared_time(time), require_classes(not_clear))


@dataclass(frozen=True)
class _BandFiles:
    offset: int
    level: str
    time: datetime | None
    not_clear: tuple[int, ...]
    name: str = "sentinel2.band_files.v1"

    @property
    def modalities(self) -> tuple[str, ...]:
        return modalities_of(self.level)

    def recognises(self, path: str) -> bool:
        """Only the first file stands for its group, so that a walk through a folder meets each image once."""
        try:
            group = group_of(path)
            if os.path.isdir(path):
                mine = is_alone(group)
            else:
                mine = not os.path.exists(path) or os.path.samefile(path, group.lead)
            if not mine or has_item(group.folder):
                return False
            with opened(group.lead) as raster:
                return bool(raster.count == 1)
        except (DataError, OSError):
            return False

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        group, level, time = self._known(path)
        layers = {
            b: BandLayer(file, nodata=(0,), convert=conversion(self.offset))
            for b, file in group.files.items()
        }  # fmt: skip
        images = Images(path, level, {time: layers})
        require_level(path, level, spec)
        for band, file in group.files.items():
            if bands is None or band in bands:
                _require_counts(file)
                agree_with_header(file, self.offset)
        return array_of(images, spec, self.name, bands)

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        group, level, time = self._known(path)
        require_level(path, level, spec)
        if group.classes is None:
            return None
        bands = [BandLayer(file) for file in group.files.values()]
        return mask_of({time: classes_layer(group.classes, self.not_clear)}, bands)

    def _known(self, path: str) -> tuple[Group, Level, datetime]:
        group = group_of(path)
        level = level_of(path, group.text, self.level)
        time = self.time or moment(group.text)
        if time is None:
            raise DataError(f"{path}: its name holds no date. Declare it: time = YYYY-MM-DD.")
        return group, level, time


def _require_counts(path: str) -> None:
    with opened(path) as raster:
        if raster.count != 1 or not raster.dtypes[0].startswith(("uint", "int")):
            raise DataError(
                f"{path}: {raster.count} bands of {raster.dtypes[0]}, expected one of digital numbers (integers). "
                "Stacks and fractions are read by sentinel2.stacked.v1."
            )
