"""Images whose files, bands and times are known: checked, chosen and put together, whoever the sensor is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import xarray

from olmoearth_core.errors import DataError, OtherModality
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.readers.chosen_bands import bands_of_all_times, chosen_bands
from olmoearth_core.readers.layers import FileLayer, Grid, Layer
from olmoearth_core.readers.scene import Product, scene

MOST_PIXELS = 100_000
"""Along a side; several scenes of any sensor that is read so."""


@dataclass(frozen=True)
class BandLayer(FileLayer):
    """One band. meters: the pixel size that it must have, None = any."""

    meters: int | None = None

    def grid(self) -> Grid:
        """Where its pixels lie.

        Raises:
            DataError: as `FileLayer.grid`, or it is larger than any image, or not as the band is delivered.
        """
        grid = super().grid()
        if max(grid.width, grid.height) > MOST_PIXELS:
            raise DataError(
                f"{self.path}: {grid.width} x {grid.height} pixels are declared, expected at most {MOST_PIXELS} along "
                "a side. Is the file damaged?"
            )
        if self.meters is not None:
            self.require_native(grid)
        return grid

    def require_native(self, grid: Grid) -> None:
        """Refuse a grid with another pixel size; DataError names both."""
        if any(abs(side - float(self.meters or 0)) > 1e-6 for side in grid.pixel):
            raise DataError(
                f"{self.path}: its pixels are {grid.pixel[0]:g} x {grid.pixel[1]:g} in {grid.crs}, expected "
                f"{self.meters} m for this band. Is it the file of another band or resolution? Fetch the product again."
            )


def require_modality(source: str, holds: str, modality: str, spec: ModalitySpec) -> None:
    """Refuse to give a product as another modality. holds: what it is, for messages.

    Raises:
        OtherModality: names both.
    """
    if spec.name != modality:
        raise OtherModality(
            f"{source}: holds {holds}, which is the modality {modality}, but {spec.name} was asked for. Ask for "
            f"{modality}, or give another product."
        )


def together(
    spec: ModalitySpec,
    layers: Mapping[datetime, Mapping[str, FileLayer]],
    product: Product,
    bands: Sequence[str] | None,
    *,
    cloud_cover: float | None = None,
    arrange: Callable[[dict[str, FileLayer]], Mapping[str, Layer]] = dict,
) -> xarray.DataArray:
    """Return what `Reader.read` promises.

    layers: time -> band -> file. arrange: brings the bands of a time to grids that nest.

    Raises:
        DataError: a band is missing or unknown, or files do not fit together.
    """
    wanted = chosen_bands(product.source, bands_of_all_times(product.source, layers, bands), spec, bands)
    chosen = {time: arrange({band: found[band] for band in wanted}) for time, found in layers.items()}
    array = scene(spec, chosen, product)
    if cloud_cover is not None:
        array.attrs["cloud_cover"] = cloud_cover
    return array
