"""What all readers here do once they know files, level, offset and time: check, choose bands, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import xarray

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.readers.images import BandLayer as AnyBand
from olmoearth_core.readers.images import require_modality, together
from olmoearth_core.readers.layers import FileLayer, Grid
from olmoearth_core.readers.scene import Product
from olmoearth_sentinel2.band_names import LEVELS, METERS, MODALITY, Level
from olmoearth_sentinel2.reflectance import OFFSETS

QUANTITY = "reflectance_x10000"


@dataclass(frozen=True)
class BandLayer(AnyBand):
    """One band. meters: the pixel size that it must have, None = any; then it must lie in UTM too."""

    def require_native(self, grid: Grid) -> None:
        """Refuse a grid outside UTM, or with another pixel size; DataError says which."""
        if not grid.crs.startswith(("EPSG:326", "EPSG:327")):
            raise DataError(f"{self.path}: lies in {grid.crs}, expected a UTM zone (EPSG:326xx or EPSG:327xx).")
        super().require_native(grid)


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
    """Refuse a product for the modality of the other level, or of another sensor; OtherModality names both."""
    require_modality(source, f"Sentinel-2 {LEVELS[level]}", MODALITY[level], spec)


def array_of(images: Images, spec: ModalitySpec, reader: str, bands: Sequence[str] | None) -> xarray.DataArray:
    """Return what `Reader.read` promises. reader: name of the component.

    Raises:
        DataError: it is of another level, a band is missing or unknown, or files do not fit together.
    """
    require_level(images.source, images.level, spec)
    unit = LEVELS[images.level].partition("(")[2].rstrip(")") + " x 10000"
    product = Product(reader, images.source, unit, QUANTITY)
    return together(spec, images.layers, product, bands, cloud_cover=images.cloud_cover)


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
