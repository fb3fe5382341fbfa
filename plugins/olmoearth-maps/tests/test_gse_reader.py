"""The satellite embedding in its three scales, and files that are not what is declared."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from olmoearth_maps.gse import BANDS, gse
from olmoearth_maps.gse_reader import gse_image
from rasterio.transform import Affine

from olmoearth_core.errors import DataError
from olmoearth_core.readers.contract import check


def embedding(path, values, dtype, names=BANDS):
    with rasterio.open(
        path, "w", driver="GTiff", width=2, height=1, count=len(names), dtype=dtype, crs="EPSG:32633",
        transform=Affine(10, 0, 0, 0, -10, 0),
    ) as raster:  # fmt: skip
        raster.write(np.full((len(names), 1, 2), values, dtype))
        raster.descriptions = names
    return str(path)


@pytest.mark.parametrize(
    ("values", "dtype", "stored", "given"),
    [
        ("stored_8192", "uint16", [0, 16384], [0, 16384]),
        ("unit_float", "float64", [-1, 0.25], [0, 10240]),
        ("int8", "int8", [-128, 51], [np.nan, 8192 * 0.16 + 8192]),
        ("int8", "int8", [-51, 0], [8192 - 8192 * 0.16, 8192]),
    ],
)
def test_each_scale_gives_8192_x_plus_8192(tmp_path, values, dtype, stored, given):
    path = embedding(tmp_path / "gse_2021.tif", stored, dtype)
    reader = gse_image(values=values)
    array = reader.read(path, gse())
    assert reader.recognises(path)
    assert array.shape == (1, 64, 1, 2)
    assert array.values[0, 63, 0].tolist() == pytest.approx(given, rel=1e-6, nan_ok=True)
    assert (array.attrs["quantity"], array.time.dt.year.item()) == ("embedding_8192", 2021)
    check(array, gse())


def test_a_scale_that_is_not_declared_is_refused_with_the_right_one(tmp_path):
    path = embedding(tmp_path / "gse_2021.tif", 0.5, "float32")
    with pytest.raises(DataError, match=r'values are float32, but stored_8192 is uint16\. .*values = "unit_float"'):
        gse_image().read(path, gse())
    with pytest.raises(DataError, match='values "guess", expected one of stored_8192'):
        gse_image(values="guess")


def test_floats_beyond_one_are_no_embedding(tmp_path):
    array = gse_image(values="unit_float").read(embedding(tmp_path / "gse_2021.tif", 8192, "float32"), gse())
    with pytest.raises(DataError, match=r"gse_2021\.tif: holds 8192 to 8192, expected -1 to 1"):
        _ = array.values


def test_bands_in_another_order_are_refused(tmp_path):
    path = embedding(tmp_path / "gse_2021.tif", 1, "uint16", BANDS[::-1])
    assert not gse_image().recognises(path)
    with pytest.raises(DataError, match=r"64 bands \(A63, A62, A61, \.\.\.\), expected 64, A00 to A63 in order"):
        gse_image().read(path, gse())


def test_the_year_is_named_once_or_given(tmp_path):
    path = embedding(tmp_path / "gse_2020_2021.tif", 1, "uint16")
    with pytest.raises(DataError, match="years in its name: 2020, 2021; expected one"):
        gse_image().read(path, gse())
    assert gse_image(year=2020).read(path, gse(), bands=["A07"]).time.dt.year.item() == 2020
