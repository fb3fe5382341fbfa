"""Sections 3.4 and 3.5 of the data chapter: what removes a modality from a sample, and what cannot be cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio

from olmoearth_core.convert.clean import finding
from olmoearth_core.convert.convert import convert
from olmoearth_core.convert.tiles import tile_path
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec
from olmoearth_core.lookup import modalities


def with_one(value, rest=1.0):
    array = np.full((4, 4, 2, 2), rest, np.float32)
    array[3, 1, 1, 0] = value
    return array


@pytest.mark.parametrize(
    ("name", "array", "expected"),
    [
        ("era5_10", np.zeros((12, 6), np.float32), "all_zero"),
        ("era5_10", with_one(1.0, rest=0.0), None),
        ("openstreetmap_raster", np.zeros((8, 8, 1, 30), np.uint8), "all_zero"),
        ("openstreetmap_raster", np.eye(30, dtype=np.uint8)[None, :, None], None),
        ("era5l_day_10", with_one(-9999), "has_-9999"),
        ("era5l_day_10", with_one(-9998), None),
        ("sentinel1", with_one(-32768), "any_nodata"),
        ("sentinel1", with_one(np.nan), "any_nan"),
        ("sentinel1", with_one(0.0), None),
        ("era5_10", with_one(np.nan), "any_nan"),
        ("sentinel2_l2a", np.zeros((4, 4, 12, 12), np.uint16), None),
        ("worldcover", np.zeros((4, 4, 1, 1), np.uint8), None),
    ],
)
def test_the_documented_finding_removes_a_modality_and_nothing_less(name, array, expected):
    assert finding(modalities([name])[0], array) == expected


def test_a_series_of_zeros_is_not_in_the_sample(write_store, specs, cell):
    weather = replace(specs["weather"], drop_rules=("any_nan", "all_zero"))
    root = write_store([specs["optical"], weather])
    with rasterio.open(tile_path(root, weather, cell, weather.band_sets[0]), "r+") as raster:
        raster.write(np.zeros_like(raster.read()))
    path = Path(convert(root, None, [specs["optical"], weather]).path)
    for number in range(4):
        with h5py.File(path / f"sample_{number}.h5") as file:
            assert "weather" not in file
            assert file["optical"].shape == (128, 128, 12, 3)
    assert (path / "sample_metadata.csv").read_text().splitlines()[1:] == [f"{number},1,0" for number in range(4)]


def test_a_modality_that_cannot_be_cut_into_that_many_parts_is_named(write_store, specs, cell):
    coarse = ModalitySpec("coarse", (BandSet(("c",), 256),), 256, multitemporal=False, dtype="uint8")
    root = write_store([specs["optical"]])
    write_store([coarse], cells=[cell.parent(256)])
    with pytest.raises(DataError, match="coarse has 16 px, not divisible by 32"):
        convert(root, None, [specs["optical"], coarse], tile_size=8)
