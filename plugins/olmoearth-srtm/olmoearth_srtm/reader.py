"""How elevation is read: tiles of the shuttle's survey, one or a folder of them, or another model if that is said.

Where a square degree has both spacings, 1 arc second is taken; beside tiles of 1 second, those of 3 are repeated to
the nearest post.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import xarray

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.readers.layers import Grid, Layer
from olmoearth_core.readers.scene import Product, scene
from olmoearth_core.readers.tiled import tiled
from olmoearth_srtm.other_model import is_elevation, other_layer
from olmoearth_srtm.tiles import Tile, grid_of, tile_named

Source = Literal["srtm", "copernicus_dem", "dem"]
YEARS = {"srtm": 2000, "copernicus_dem": 2011, "dem": 2000}
"""The year under which each is stored: the shuttle's flight, and the start of TanDEM-X."""
_SIDECARS = (".txt", ".md", ".pdf", ".xml", ".csv", ".json")


def srtm_tiles(*, source: Source = "srtm", year: int | None = None) -> Reader:
    """Read SRTM tiles (.hgt, .hgt.zip, SRTM1N42E001V2.tif), alone or as a folder of them, seen as one layer.

    source: "srtm"; "copernicus_dem" or "dem" (any other) = take single-band GeoTIFFs of metres of that origin instead,
        which `attrs["origin"]` then says.
    year: of the map; null = 2000, and 2011 for the Copernicus DEM.
    Product guide: https://lpdaac.usgs.gov/documents/179/SRTM_User_Guide_V3.pdf
    """
    if source not in YEARS:
        raise DataError(f'srtm.tiles.v1: source "{source}", expected one of {", ".join(YEARS)}.')
    return _Elevation("srtm.tiles.v1", ("srtm",), source, year or YEARS[source])


@dataclass(frozen=True)
class _Elevation:
    name: str
    modalities: tuple[str, ...]
    source: Source
    year: int

    def recognises(self, path: str) -> bool:
        """A folder is one map if it holds tiles and nothing else but notes."""
        if not os.path.isdir(path):
            return self._knows(path)
        names = [n for n in sorted(os.listdir(path)) if not n.startswith(".") and not n.lower().endswith(_SIDECARS)]
        return bool(names) and all(self._knows(os.path.join(path, name)) for name in names)

    def read(self, path: str, spec: ModalitySpec, *, bands: Sequence[str] | None = None) -> xarray.DataArray:
        wanted = list(spec.band_order if bands is None else bands)
        if wanted != list(spec.band_order):
            raise DataError(f"{path}: has {', '.join(spec.band_order)}, asked for {', '.join(wanted) or 'nothing'}.")
        layer = tiled(path, self._layers(path))
        product = Product(self.name, path, "metres", "meters")
        array = scene(spec, {datetime(self.year, 1, 1): {spec.band_order[0]: layer}}, product)
        array.attrs["origin"] = self.source
        return array

    def clear(self, path: str, spec: ModalitySpec) -> xarray.DataArray | None:
        """Heights are seen through clouds."""
        return None

    def _knows(self, path: str) -> bool:
        if self.source == "srtm":
            return tile_named(path) is not None and os.path.isfile(path)
        return is_elevation(path)

    def _layers(self, path: str) -> list[Layer]:
        files = [os.path.join(path, n) for n in sorted(os.listdir(path))] if os.path.isdir(path) else [path]
        if self.source != "srtm":
            found = [f for f in files if f == path or is_elevation(f)]
            layers: list[Layer] = [other_layer(file) for file in found]
        else:
            layers = _of_one_spacing([tile for tile in map(tile_named, files) if tile])
        if not layers:
            raise DataError(f"{path}: {self._refusal(path)}")
        return layers

    def _refusal(self, path: str) -> str:
        if not os.path.exists(path) and "://" not in path:
            return "not found. Give a tile or a folder of tiles."
        expected = "tiles named as N42E001.hgt, N42E001.hgt.zip or SRTM1N42E001V2.tif"
        if self.source == "srtm":
            other = 'If it is another elevation model, say so: source = "copernicus_dem" or "dem".'
            return f"no SRTM by its name; expected {expected}. {other}"
        return "holds no single-band GeoTIFF of elevation in metres."


def _of_one_spacing(tiles: Sequence[Tile]) -> list[Layer]:
    """Keep the finer of two tiles of one square, and bring coarser ones among finer to their posts."""
    best: dict[tuple[int, int], Layer] = {}
    for tile in tiles:
        layer, key = tile.layer(), (tile.lat, tile.lon)
        if len(tiles) == 1:
            layer.check()
        if key not in best or layer.grid().width > best[key].grid().width:
            best[key] = layer
    finest = max((layer.grid().width for layer in best.values()), default=0)
    return [
        layer if layer.grid().width == finest else _Nearest(layer, grid_of(*key, 1))
        for key, layer in sorted(best.items())
    ]


@dataclass(frozen=True)
class _Nearest:
    """A tile of 3 arc seconds on the posts of 1: each takes the value of the nearest."""

    layer: Layer
    fine: Grid

    @property
    def place(self) -> str:
        return self.layer.place

    def grid(self) -> Grid:
        return self.fine

    def read(self, rows: slice, cols: slice) -> np.ndarray:
        down, across = ((np.arange(s.start, s.stop) + 1) // 3 for s in (rows, cols))
        read = self.layer.read(slice(down[0], down[-1] + 1), slice(across[0], across[-1] + 1))
        picked: np.ndarray = read[(down - down[0])[:, None], (across - across[0])[None, :]]
        return picked
