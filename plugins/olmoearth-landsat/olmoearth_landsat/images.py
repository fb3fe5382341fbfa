"""What all readers here do once they know files, level and time: check, choose bands, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import xarray

from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.readers.images import BandLayer, require_modality, together
from olmoearth_core.readers.layers import FileLayer
from olmoearth_core.readers.scene import Product
from olmoearth_landsat.panchromatic import on_panchromatic
from olmoearth_landsat.product import LEVELS, MODALITY, Level
from olmoearth_landsat.scaling import QUANTITY, UNITS

__all__ = ["BandLayer", "Images", "array_of", "finest", "require_level"]


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
    require_modality(source, f"Landsat {LEVELS[level]}", MODALITY[level], spec)


def array_of(images: Images, spec: ModalitySpec, reader: str, bands: Sequence[str] | None) -> xarray.DataArray:
    """Return what `Reader.read` promises. reader: name of the component.

    Raises:
        DataError: it is of another level, a band is missing or unknown, or files do not fit together.
    """
    require_level(images.source, images.level, spec)
    product = Product(reader, images.source, UNITS[images.level], QUANTITY[images.level])
    return together(spec, images.layers, product, bands, cloud_cover=images.cloud_cover, arrange=on_panchromatic)


def finest(layers: Mapping[str, FileLayer]) -> FileLayer:
    """Return the layer with the smallest pixels, which is that of B8 if there is one."""
    return layers.get("B8") or next(iter(layers.values()))
