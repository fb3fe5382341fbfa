"""What all readers here do once they know files, level and time: check, choose bands, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import xarray

from olmoearth_core.errors import DataError, OtherModality
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.readers.chosen_bands import bands_of_all_times, chosen_bands
from olmoearth_core.readers.layers import FileLayer, Grid
from olmoearth_core.readers.scene import Product, scene
from olmoearth_landsat.panchromatic import on_panchromatic
from olmoearth_landsat.product import LEVELS, MODALITY, Level
from olmoearth_landsat.scaling import QUANTITY, UNITS

MOST_PIXELS = 100_000
"""Along a side; six scenes of the panchromatic band."""


@dataclass(frozen=True)
class BandLayer(FileLayer):
    """One band. meters: the pixel size that it must have, None = any."""

    meters: int | None = None

    def grid(self) -> Grid:
        """Where its pixels lie.

        Raises:
            DataError: as `FileLayer.grid`, or it is larger than any image, or has another pixel size.
        """
        grid = super().grid()
        if max(grid.width, grid.height) > MOST_PIXELS:
            raise DataError(
                f"{self.path}: {grid.width} x {grid.height} pixels are declared, expected at most {MOST_PIXELS} along "
                "a side. Is the file damaged?"
            )
        if self.meters is not None and any(abs(side - self.meters) > 1e-6 for side in grid.pixel):
            raise DataError(
                f"{self.path}: its pixels are {grid.pixel[0]:g} x {grid.pixel[1]:g} in {grid.crs}, expected "
                f"{self.meters} m for this band. Is it the file of another band? Fetch the product again."
            )
        return grid


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
            f"{source}: holds Landsat {LEVELS[level]}, which is the modality {MODALITY[level]}, but {spec.name} was "
            f"asked for. Ask for {MODALITY[level]}, or give another product."
        )


def array_of(images: Images, spec: ModalitySpec, reader: str, bands: Sequence[str] | None) -> xarray.DataArray:
    """Return what `Reader.read` promises. reader: name of the component.

    Raises:
        DataError: it is of another level, a band is missing or unknown, or files do not fit together.
    """
    require_level(images.source, images.level, spec)
    wanted = chosen_bands(images.source, bands_of_all_times(images.source, images.layers, bands), spec, bands)
    layers = {
        time: on_panchromatic({band: found[band] for band in wanted}) for time, found in images.layers.items()
    }  # fmt: skip
    array = scene(spec, layers, Product(reader, images.source, UNITS[images.level], QUANTITY[images.level]))
    if images.cloud_cover is not None:
        array.attrs["cloud_cover"] = images.cloud_cover
    return array


def finest(layers: Mapping[str, FileLayer]) -> FileLayer:
    """Return the layer with the smallest pixels, which is that of B8 if there is one."""
    return layers.get("B8") or next(iter(layers.values()))
