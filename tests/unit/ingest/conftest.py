"""Scenes made in memory, and a reader of .npz files, so that no test needs a plugin."""

import importlib
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xarray

from olmoearth_core.convert.grid import Cell
from olmoearth_core.ingest.candidate import Candidate
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec

# By its own name, as other processes must find its reader.
sys.path.insert(0, str(Path(__file__).parent))
npz = importlib.import_module("npz_reader")

CELL = Cell("EPSG:32631", 16, 195, -2187)
IMAGES = ModalitySpec(
    "made_images", (BandSet(("a", "b"), 16), BandSet(("c",), 32)), 16, True, dtype="uint16", nodata=0.0,
    resampling="bilinear", quantity="digital_number", units="counts",
)  # fmt: skip
CLASSES = ModalitySpec(
    "made_classes", (BandSet(("class",), 16),), 16, False, dtype="uint8", nodata=0.0, resampling="nearest",
    quantity="class_code",
)  # fmt: skip


def array(values, transform, crs, *, bands, times=(datetime(2020, 6, 1),), quantity="", source="memory"):
    importlib.import_module("rioxarray")
    height, width = values.shape[-2:]
    made = xarray.DataArray(
        values.astype(np.float32), dims=("time", "band", "y", "x"),
        coords={
            "time": np.array(times, dtype="datetime64[ns]"), "band": list(bands),
            "y": transform.f + transform.e * (np.arange(height) + 0.5),
            "x": transform.c + transform.a * (np.arange(width) + 0.5),
        },
        attrs={"source": source, "quantity": quantity},
    )  # fmt: skip
    return made.rio.write_crs(crs)


def on_cell(values, spec=IMAGES, cell=CELL, **more):
    """An array on the cell's own finest pixels."""
    return array(values, cell.transform(16), cell.crs, bands=spec.band_order, quantity=spec.quantity, **more)


def bounds_around(cell, share=1.0, margin=0.05):
    """Degrees around a cell, or around the west `share` of it."""
    corners = cell.sub_latlons(256)
    south, north = corners[:, 0].min(), corners[:, 0].max()
    west, east = corners[:, 1].min(), corners[:, 1].max()
    return (west - margin, south - margin, west + share * (east - west) if share < 1 else east + margin, north + margin)


def candidate(made, *, cloud=None, clear=None, time=datetime(2020, 6, 1, tzinfo=UTC), bounds=None, order=""):
    """A candidate of an array in memory; clear: bool [y, x] on the array's grid."""
    mask = None if clear is None else made.isel(band=0).copy(data=np.asarray(clear)[None])

    def opened(bands):
        return made.sel(band=[b for b in bands if b in made.band.values])

    place = bounds_around(CELL) if bounds is None else bounds
    bands = tuple(str(band) for band in made.band.values)
    return Candidate(made.attrs["source"], time, time, place, opened, lambda: mask, cloud, order, bands)


@pytest.fixture
def made():
    """Everything above, for tests that are run without a package around them."""
    return SimpleNamespace(
        array=array, on_cell=on_cell, candidate=candidate, bounds_around=bounds_around, write_npz=npz.write,
        reader=npz.NpzReader, images=IMAGES, classes=CLASSES, cell=CELL,
    )  # fmt: skip
