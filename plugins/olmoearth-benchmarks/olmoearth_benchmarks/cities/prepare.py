"""From images of whole cities to tiles of 64 x 64 pixels (evaluation.md 4.7).

`<City>/S1.tif` (VH and VV, linear power), `<City>/S2.tif` (twelve bands) and `<City>/label.png` (a picture in the
colours of the classes) lie on one grid. Tiles without any optical value, and those that the edge cuts, are left out.
"""

# C bands, H W pixels
from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from rasterio.windows import Window

from olmoearth_benchmarks.cities import palette as colours
from olmoearth_benchmarks.dense.published_files import Folder
from olmoearth_benchmarks.dense.tensor_file import local_copies
from olmoearth_benchmarks.dense.whole_file import exists, write_bytes, write_json, write_tensors
from olmoearth_core.errors import DataError

TILE = 64
WEAKEST_DB = -60.0 + 1e-4
"""Radar that is not above it was stored for no value: 10 log10 of 1e-6, which float32 misses by a little."""
NAME = re.compile(r"[A-Za-z][A-Za-z .'_-]{0,60}")
_BANDS = {"S1.tif": 2, "S2.tif": 12}
_LABEL = "label.png"


def prepare(raw: str, out: str) -> Iterator[str]:
    """Write `tiles/<City>/<i>.pt`, `palette.npy`, `colormap.json` and `manifest.json`; yield a line per city.

    Raises:
        DataError: no city has a label, or the images of a city do not fit together.
    """
    folder, out = Folder(raw, inside=("50Cities",), cache=local_copies()), out.rstrip("/")
    cities = [name for name in folder.names() if NAME.fullmatch(name) and folder.has(f"{name}/{_LABEL}")]
    if not cities:
        raise DataError(f"{raw}: no <City>/{_LABEL} here. Give the folder that holds the cities.")
    table = _palette(folder, cities, out)
    yield f"palette: {len(table)} colours, {int(colours.classes(table).max()) + 1} classes"
    counts = {}
    for city in cities:
        counts[city] = _write_city(folder, city, table, f"{out}/tiles/{city}")
        yield f"{city}: {counts[city]} tiles"
    num_classes = int(colours.classes(table).max()) + 1
    facts = {"tile_size": TILE, "drop_empty": True, "num_classes": num_classes, "counts": counts}
    # Last, because it says that everything else is there.
    write_json(f"{out}/manifest.json", facts)


def _palette(folder: Folder, cities: list[str], out: str) -> np.ndarray:
    if exists(f"{out}/palette.npy"):
        stored = Folder(out).numbers("palette.npy")
        if stored.ndim != 2 or stored.shape[1] != 3 or stored.dtype != np.uint8:
            raise DataError(
                f"{out}/palette.npy: {list(stored.shape)} {stored.dtype}, expected [N, 3] uint8. Remove it."
            )
        return colours.packed(stored)
    table = colours.frequent(block for city in cities for block in _pictures(folder, city))
    if colours.classes(table).max(initial=-1) < 1:
        raise DataError(f"{folder.url}: labels have fewer than two colours besides black and white.")
    of_class = zip(colours.classes(table).tolist(), colours.unpacked(table).tolist(), strict=True)
    write_json(f"{out}/colormap.json", {str(number): colour for number, colour in of_class if number >= 0})
    content = io.BytesIO()
    np.save(content, colours.unpacked(table), allow_pickle=False)
    write_bytes(f"{out}/palette.npy", content.getvalue())
    return table


def _pictures(folder: Folder, city: str) -> Iterator[np.ndarray]:
    """Yield the packed colours of a label, some rows at a time."""
    with folder.raster(f"{city}/{_LABEL}", driver="PNG") as raster:
        for top in range(0, raster.height, TILE):
            yield _colours(folder, city, raster, top)


def _colours(folder: Folder, city: str, raster: Any, top: int) -> np.ndarray:
    if raster.count not in (3, 4) or raster.dtypes[0] != "uint8":
        where = folder.where(f"{city}/{_LABEL}")
        raise DataError(
            f"{where}: {raster.count} channels of {raster.dtypes[0]}, expected a picture in red, green, blue."
        )
    height = min(TILE, raster.height - top)
    return colours.packed(raster.read((1, 2, 3), window=Window(0, top, raster.width, height)).transpose(1, 2, 0))


def _write_city(folder: Folder, city: str, table: np.ndarray, place: str) -> int:
    count = 0
    with (
        folder.raster(f"{city}/S1.tif") as s1,
        folder.raster(f"{city}/S2.tif") as s2,
        folder.raster(f"{city}/{_LABEL}", driver="PNG") as label,
    ):
        for name, raster in (("S1.tif", s1), ("S2.tif", s2)):
            found, expected = (raster.count, *raster.shape), (_BANDS[name], *label.shape)
            if found != expected or np.dtype(raster.dtypes[0]).kind not in "iuf":
                where = folder.where(f"{city}/{name}")
                raise DataError(f"{where}: {list(found)} {raster.dtypes[0]}, expected {list(expected)} numbers.")
        for row in range(label.height // TILE):
            rows = Window(0, row * TILE, label.width, TILE)
            s2_CHW, s1_CHW = s2.read(window=rows), decibel(s1.read(window=rows))
            label_HW = colours.labels(_colours(folder, city, label, row * TILE), table)
            for column in range(label.width // TILE):
                window = np.s_[..., column * TILE : (column + 1) * TILE]
                if s2_CHW[window].any():
                    if not exists(f"{place}/{count}.pt"):
                        parts = {
                            "s2": s2_CHW[window].astype(np.int32), "s1": s1_CHW[window], "label": label_HW[window],
                        }  # fmt: skip
                        tensors = {key: torch.from_numpy(np.array(part)) for key, part in parts.items()}
                        write_tensors(f"{place}/{count}.pt", {**tensors, "row": row, "col": column})
                    count += 1
    return count


def decibel(power: np.ndarray) -> np.ndarray:
    """Return float32 decibels; what is no number, negative or below 1e-6 becomes -60."""
    with np.errstate(invalid="ignore"):
        positive = np.where(power > 1e-6, power, 1e-6).astype(np.float32)
    return np.float32(10) * np.log10(positive)
