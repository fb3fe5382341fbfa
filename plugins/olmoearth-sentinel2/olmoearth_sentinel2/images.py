"""What all readers here do once they know files, level, offset and time: check, choose bands, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import xarray

from olmoearth_core.errors import ConfigError, DataError, OtherModality
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.readers.chosen_bands import bands_of_all_times, chosen_bands
from olmoearth_core.readers.layers import FileLayer, Grid
from olmoearth_core.readers.scene import Product, scene
from olmoearth_sentinel2.band_names import LEVELS, METERS, MODALITY, Level
from olmoearth_sentinel2.reflectance import OFFSETS

QUANTITY = "reflectance_x10000"
MOST_PIXELS = 100_000
"""Along a side; nine tiles of Sentinel-2."""


@dataclass(frozen=True)
class BandLayer(FileLayer):
    """One band. meters: the pixel size that it must have, None = any; then it must lie in UTM too."""

    meters: int | None = None

    def grid(self) -> Grid:
        """Where its pixels lie.

        Raises:
            DataError: as `FileLayer.grid`, or it is larger than any image, or has another pixel size or CRS.
        """
        grid = super().grid()
        if max(grid.width, grid.height) > MOST_PIXELS:
            raise DataError(
                f"{self.path}: {grid.width} x {grid.height} pixels are declared, expected at most {MOST_PIXELS} along "
                "a side. Is the file damaged?"
            )
        if self.meters is not None:
            self._native(grid)
        return grid

    def _native(self, grid: Grid) -> None:
        if not grid.crs.startswith(("EPSG:326", "EPSG:327")):
            raise DataError(f"{self.path}: lies in {grid.crs}, expected a UTM zone (EPSG:326xx or EPSG:327xx).")
        if any(abs(side - float(self.meters or 0)) > 1e-6 for side in grid.pixel):
            raise DataError(
                f"{self.path}: its pixels are {grid.pixel[0]:g} x {grid.pixel[1]:g} m, expected {self.meters} m for "
                "this band. Is it the file of another band or resolution? Fetch the product again."
            )


@dataclass(frozen=True)
class Images:
    """A product that was looked at, none of its pixels being read.

    source: path as given. layers: time -> band -> its file. cloud_cover: percent, None = not said.
    """

    source: str
    level: Level
    layers: Mapping[datetime, Mapping[str, FileLayer]]
    cloud_cover: float | None = None


def require_level(source: str, level: Level, spec: ModalitySpec) -> None:
    """Refuse a product for the modality of the other level, or of another sensor.

    Raises:
        OtherModality: names both.
    """
    if spec.name != MODALITY[level]:
        raise OtherModality(
            f"{source}: holds Sentinel-2 {LEVELS[level]}, which is the modality {MODALITY[level]}, but {spec.name} was "
            f"asked for. Ask for {MODALITY[level]}, or give another product."
        )


def array_of(images: Images, spec: ModalitySpec, reader: str, bands: Sequence[str] | None) -> xarray.DataArray:
    """Return what `Reader.read` promises. reader: name of the component.

    Raises:
        DataError: it is of another level, a band is missing or unknown, or files do not fit together.
    """
    require_level(images.source, images.level, spec)
    wanted = chosen_bands(images.source, bands_of_all_times(images.source, images.layers, bands), spec, bands)
    layers = {time: {band: found[band] for band in wanted} for time, found in images.layers.items()}
    unit = LEVELS[images.level].partition("(")[2].rstrip(")") + " x 10000"
    array = scene(spec, layers, Product(reader, images.source, unit, QUANTITY))
    if images.cloud_cover is not None:
        array.attrs["cloud_cover"] = images.cloud_cover
    return array


def require_options(*, level: str = "", offset: int | None = 0) -> None:
    """Check arguments that several factories have.

    Raises:
        ConfigError: says which value is expected.
    """
    if level not in ("", "l2a", "l1c"):
        raise ConfigError(f'level = {level!r}: expected "l2a", "l1c", or "" where the name of the file says it.')
    if offset is not None and (isinstance(offset, bool) or offset not in OFFSETS):
        raise ConfigError(
            f"offset = {offset!r}: expected 0 (values are free of it) or -1000 (it still has to be removed)."
        )


def known_bands() -> str:
    """Return the names of all bands, for messages."""
    return ", ".join(METERS)
