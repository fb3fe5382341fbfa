"""How a map of one band is read that is told by its file name: one file, or where tiles continue each other, a folder.

What differs between products is data: names, type, fill, year and unit.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import xarray

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec, Quantity
from olmoearth_core.readers.header import geotiff_header, header
from olmoearth_core.readers.layers import Convert, FileLayer, Layer
from olmoearth_core.readers.scene import Product, scene
from olmoearth_core.readers.tiled import tiled

_SIDECARS = (".txt", ".md", ".pdf", ".xml", ".csv", ".json", ".geojson", ".dbf", ".ovr", ".tfw")


@dataclass(frozen=True)
class MapKind:
    """What is particular to a product.

    pattern: of whole file names; a group "year" tells the year. example: a name, for messages. dtypes: of stored
    values. nodata, convert: as in `FileLayer`. year: where the name has none; null = it must say. folder: whether
    files of a folder are tiles of one map.
    """

    product: str
    pattern: re.Pattern[str]
    example: str
    dtypes: tuple[str, ...]
    quantity: Quantity
    nodata: tuple[float, ...] = ()
    convert: Convert | None = None
    year: int | None = None
    folder: bool = False


@dataclass(frozen=True)
class OneBandMap:
    """A reader of one such product. year: given by the user, for files of other names. wrap: around each layer."""

    name: str
    modalities: tuple[str, ...]
    kind: MapKind
    year: int | None = None
    wrap: Callable[[Layer], Layer] | None = None

    def recognises(self, path: str) -> bool:
        """By name, and by number and type of bands; a folder if it holds tiles and nothing else but notes."""
        if os.path.isdir(path):
            shown = [n for n in sorted(os.listdir(path)) if not n.startswith(".")]
            names = [n for n in shown if not n.lower().endswith(_SIDECARS)]
            return self.kind.folder and bool(names) and all(self.kind.pattern.fullmatch(name) for name in names)
        if not self.kind.pattern.fullmatch(os.path.basename(path)):
            return False
        found = geotiff_header(path)
        return found is not None and found.bands == 1 and found.dtypes[0] in self.kind.dtypes

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        """As in `Reader.read`; a tile of another year than its neighbours is refused."""
        wanted = list(spec.band_order if bands is None else bands)
        if wanted != list(spec.band_order):
            raise DataError(f"{path}: has {', '.join(spec.band_order)}, asked for {', '.join(wanted) or 'nothing'}.")
        files = self._files(path)
        years = sorted({self._year(file) for file in files})
        if len(years) > 1:
            raise DataError(f"{path}: holds maps of {', '.join(map(str, years))}; expected one year. Read one file.")
        layer = tiled(path, [self._layer(file) for file in files])
        product = Product(self.name, path, spec.units, self.kind.quantity)
        return scene(spec, {datetime(years[0], 1, 1): {spec.band_order[0]: layer}}, product)

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        """Maps do not say."""
        return None

    def _files(self, path: str) -> list[str]:
        if not os.path.isdir(path):
            return [path]
        names = [name for name in sorted(os.listdir(path)) if self.kind.pattern.fullmatch(name)]
        if not names or not self.kind.folder:
            number = "files" if self.kind.folder else "one file"
            raise DataError(f"{path}: a folder; expected {number} such as {self.kind.example} ({self.kind.product}).")
        return [os.path.join(path, name) for name in names]

    def _year(self, path: str) -> int:
        named = self.kind.pattern.fullmatch(os.path.basename(path))
        said = int(named["year"]) if named and "year" in named.re.groupindex else self.kind.year if named else None
        if self.year and said and self.year != said and "year" in self.kind.pattern.groupindex:
            raise DataError(f"{path}: is of {said} by its name, but the reader was asked for {self.year}.")
        if year := self.year or said:
            return year
        header(path)
        raise DataError(
            f"{path}: no {self.kind.product} by its name; expected one such as {self.kind.example}. If it is one, give "
            "its year."
        )

    def _layer(self, path: str) -> Layer:
        found = header(path)
        if found.bands != 1 or found.dtypes[0] not in self.kind.dtypes:
            raise DataError(
                f"{path}: {found.bands} bands of {found.dtypes[0]}, expected one band of "
                f"{' or '.join(self.kind.dtypes)} ({self.kind.product})."
            )
        layer = FileLayer(path, nodata=self.kind.nodata, convert=self.kind.convert)
        return layer if self.wrap is None else self.wrap(layer)
