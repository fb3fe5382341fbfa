"""How EuroCrops is read: declared fields of a GeoJSON, burnt into 10 m pixels as flat ids of the HCAT3 list.

A pixel belongs to the last field that holds its centre. The list is not shipped (its licence is CC-BY-SA-4.0); its
place is an argument.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray
from rasterio.errors import RasterioError
from rasterio.features import rasterize
from rasterio.transform import Affine

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.layers import Grid
from olmoearth_core.readers.scene import Product, scene
from olmoearth_maps.field_polygons import Fields, fields_of, read_geojson
from olmoearth_maps.hcat import flat_ids

_START = 65_536
_YEAR = re.compile(r"(?<!\d)(20\d\d)(?!\d)")


def eurocrops_geojson(*, hcat: str | None = None, year: int | None = None, pixel_meters: float = 10.0) -> Reader:
    """Read EuroCrops fields from GeoJSON (property EC_hcat_c) as a raster of flat HCAT ids in UTM; 0 = nobody declared.

    hcat: path of HCAT3.csv (https://github.com/maja601/EuroCrops, hcat_core), whose order gives the ids.
    year: of the declarations; null = the one year in the file's name.
    pixel_meters: side of a pixel.
    Product guide: https://github.com/maja601/EuroCrops
    """
    if not pixel_meters > 0:
        raise DataError(f"maps.eurocrops.v1: pixel_meters = {pixel_meters}, expected more than 0.")
    return _EuroCrops("maps.eurocrops.v1", ("eurocrops",), hcat, year, pixel_meters)


@dataclass(frozen=True)
class _EuroCrops:
    name: str
    modalities: tuple[str, ...]
    hcat: str | None
    year: int | None
    pixel_meters: float

    def recognises(self, path: str) -> bool:
        """By the property of the first fields."""
        if not path.lower().endswith((".geojson", ".json")) or not os.path.isfile(path):
            return False
        try:
            with open(path, "rb") as file:
                start = file.read(_START)
        except OSError:
            return False
        return b'"FeatureCollection"' in start and b'"EC_hcat_c"' in start

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        if list(spec.band_order if bands is None else bands) != list(spec.band_order):
            raise DataError(f"{path}: has {', '.join(spec.band_order)} alone.")
        collection = read_geojson(path)
        if self.hcat is None:
            raise DataError(
                f"{path}: the ids of crops are places in the HCAT3 list, which is not shipped. Fetch "
                'hcat_core/HCAT3.csv from https://github.com/maja601/EuroCrops and give it: hcat = "HCAT3.csv".'
            )
        fields = fields_of(path, collection, flat_ids(Path(self.hcat)))
        layer = FieldLayer(path, fields, self.pixel_meters)
        layers = {datetime(self._when(path), 1, 1): {spec.band_order[0]: layer}}
        return scene(spec, layers, Product(self.name, path, spec.units, "class_code"))

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        """Declarations are of a year."""
        return None

    def _when(self, path: str) -> int:
        years = sorted(set(_YEAR.findall(os.path.basename(path))))
        if self.year is None and len(years) != 1:
            raise DataError(
                f"{path}: years in its name: {', '.join(years) or 'none'}; expected one. Give it: year = 2021."
            )
        return self.year or int(years[0])


@dataclass(frozen=True)
class FieldLayer:
    """Fields as pixels, those of a window being burnt when it is read."""

    path: str
    fields: Fields
    meters: float

    @property
    def place(self) -> str:
        """The file, for messages."""
        return self.path

    def grid(self) -> Grid:
        """The pixels that hold all fields, on whole multiples of their size."""
        return self._extent

    def read(self, rows: slice, cols: slice) -> np.ndarray:
        """Return float32 [rows, cols] of flat ids, 0 where there is no field."""
        transform = self._extent.transform @ Affine.translation(cols.start, rows.start)
        shape = (rows.stop - rows.start, cols.stop - cols.start)
        left, top = transform @ (0, 0)
        right, bottom = transform @ (shape[1], shape[0])
        boxes = self.fields.boxes
        near = (boxes[:, 0] < right) & (boxes[:, 2] > left) & (boxes[:, 1] < top) & (boxes[:, 3] > bottom)
        shapes: list[tuple[Mapping[str, Any], int]] = [self.fields.shapes[int(i)] for i in np.flatnonzero(near)]
        if not shapes:
            return np.zeros(shape, dtype=np.float32)
        try:
            burnt = rasterize(shapes, out_shape=shape, transform=transform, fill=0, dtype="uint16")
        except (RasterioError, ValueError) as error:
            raise DataError(f"{self.path}: a field cannot be drawn ({error}). Repair its polygon.") from error
        values: np.ndarray = burnt.astype(np.float32)
        return values

    @cached_property
    def _extent(self) -> Grid:
        m, boxes = self.meters, self.fields.boxes
        left, bottom = np.floor(boxes[:, :2].min(axis=0) / m) * m
        right, top = np.ceil(boxes[:, 2:].max(axis=0) / m) * m
        width, height = max(round((right - left) / m), 1), max(round((top - bottom) / m), 1)
        return Grid(self.fields.crs, Affine(m, 0, float(left), 0, -m, float(top)), width, height)
