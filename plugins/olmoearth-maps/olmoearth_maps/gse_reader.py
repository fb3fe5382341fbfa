"""How the annual satellite embedding is read: 64 named bands, in the scale that the user declares."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal

import numpy as np
import xarray

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.header import Header, geotiff_header, header
from olmoearth_core.readers.layers import FileLayer, Layer
from olmoearth_core.readers.scene import Product, scene
from olmoearth_maps.gse import BANDS

Values = Literal["stored_8192", "unit_float", "int8"]
_DTYPES = {"stored_8192": ("uint16",), "unit_float": ("float32", "float64"), "int8": ("int8",)}
_YEAR = re.compile(r"(?<!\d)(20\d\d)(?!\d)")
_SLACK = 1e-5


def gse_image(*, values: Values = "stored_8192", year: int | None = None) -> Reader:
    """Read Google Satellite Embedding v1 (A00 to A63) and give 8192 x + 8192.

    values: "stored_8192" = uint16, already so; "unit_float" = x in -1 to 1, as Earth Engine exports it; "int8" = the
        files of Google's bucket, x = sign(v) (v / 127.5)^2, -128 = nothing.
    year: of the embedding; null = the one year in the file's name.
    Product guide: https://developers.google.com/earth-engine/datasets/catalog/GOOGLE_SATELLITE_EMBEDDING_V1_ANNUAL
    """
    if values not in _DTYPES:
        raise DataError(f'maps.gse.v1: values "{values}", expected one of {", ".join(_DTYPES)}.')
    return _Embedding("maps.gse.v1", ("gse",), values, year)


@dataclass(frozen=True)
class _Embedding:
    name: str
    modalities: tuple[str, ...]
    values: Values
    year: int | None

    def recognises(self, path: str) -> bool:
        """By the names of its bands."""
        found = geotiff_header(path)
        return found is not None and found.names == BANDS

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        found = header(path)
        self._check(found)
        wanted = list(BANDS if bands is None else bands)
        if strange := [band for band in wanted if band not in BANDS]:
            raise DataError(f"{path}: has A00 to A63, asked for {', '.join(strange)}.")
        convert = {"stored_8192": None, "unit_float": partial(_from_unit, path), "int8": _from_int8}[self.values]
        nodata = (-128.0,) if self.values == "int8" else ()
        layers: dict[str, Layer] = {b: FileLayer(path, BANDS.index(b) + 1, nodata, convert) for b in wanted}
        product = Product(self.name, path, spec.units, "embedding_8192")
        return scene(spec, {datetime(self._when(path), 1, 1): layers}, product)

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        """It is of a whole year."""
        return None

    def _check(self, found: Header) -> None:
        if found.bands != len(BANDS) or (any(found.names) and found.names != BANDS):
            names = ", ".join(name or "unnamed" for name in found.names[:3])
            raise DataError(f"{found.path}: {found.bands} bands ({names}, ...), expected 64, A00 to A63 in order.")
        if found.dtypes[0] not in _DTYPES[self.values]:
            fitting = [f'"{v}"' for v, dtypes in _DTYPES.items() if found.dtypes[0] in dtypes]
            advice = f"Declare their scale: values = {fitting[0]}." if fitting else "It was converted on the way."
            raise DataError(
                f"{found.path}: values are {found.dtypes[0]}, but {self.values} is "
                f"{' or '.join(_DTYPES[self.values])}. {advice}"
            )

    def _when(self, path: str) -> int:
        years = sorted(set(_YEAR.findall(os.path.basename(path))))
        if self.year is None and len(years) != 1:
            told = ", ".join(years) or "none"
            raise DataError(f"{path}: years in its name: {told}; expected one. Give it: year = 2021.")
        return self.year or int(years[0])


def _from_unit(path: str, values: np.ndarray) -> np.ndarray:
    there = values[np.isfinite(values)]
    if there.size and np.abs(there).max() > 1 + _SLACK:
        raise DataError(
            f"{path}: holds {there.min():g} to {there.max():g}, expected -1 to 1. Is it already 8192 x + 8192? Then "
            'store it as uint16 and say values = "stored_8192".'
        )
    stored: np.ndarray = np.clip(8192 * values + 8192, 0, 16384)
    return stored


def _from_int8(values: np.ndarray) -> np.ndarray:
    stored: np.ndarray = 8192 * np.sign(values) * (values / np.float32(127.5)) ** 2 + 8192
    return stored
