"""Layers become one array whose pixels are read when they are used."""

import pickle
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec
from olmoearth_core.readers.layers import FileLayer, Grid
from olmoearth_core.readers.scene import Product, clear_sky, scene

SPEC = ModalitySpec("thing", (BandSet(("fine",), 16), BandSet(("coarse",), 32)), 16, True, units="u")
PRODUCT = Product("test.reader.v1", "thing.tif", "u", "")
TIME = datetime(2020, 5, 1, 10, tzinfo=UTC)


@dataclass
class Counted:
    """A layer in memory that notes what is read of it."""

    values: np.ndarray
    pixel: float = 10.0
    crs: str = "EPSG:32631"
    left: float = 500_000.0
    read_windows: list = field(default_factory=list)
    place: str = "memory"

    def grid(self):
        height, width = self.values.shape
        return Grid(self.crs, Affine(self.pixel, 0, self.left, 0, -self.pixel, 6_000_000), width, height)

    def read(self, rows, cols):
        self.read_windows.append((rows, cols))
        return self.values[rows, cols].astype(np.float32)


def made():
    fine, coarse = Counted(np.arange(64.0).reshape(8, 8)), Counted(np.arange(16.0).reshape(4, 4), pixel=20.0)
    return fine, coarse, scene(SPEC, {TIME: {"fine": fine, "coarse": coarse}}, PRODUCT)


def test_nothing_is_read_before_a_value_is_used():
    fine, coarse, array = made()
    part = array.isel(y=slice(2, 5), x=slice(1, 3))
    assert (fine.read_windows, coarse.read_windows) == ([], [])
    part.values  # noqa: B018
    assert fine.read_windows == [(slice(2, 5), slice(1, 3))]
    assert coarse.read_windows == [(slice(1, 3), slice(0, 2))]


@pytest.mark.parametrize(
    "key", [np.s_[0, 1], np.s_[:, :, 3], np.s_[0, 1, 1:7:2, ::3], np.s_[:, :, [6, 1], :], np.s_[0, 0, ::-1, -1]]
)
def test_any_index_gives_what_the_whole_array_has(key):
    fine, coarse, array = made()
    whole = np.stack([fine.values, coarse.values.repeat(2, 0).repeat(2, 1)])[None].astype(np.float32)
    np.testing.assert_array_equal(array[key].values, whole[key])


def test_places_times_and_facts_are_there():
    array = made()[2]
    assert array.rio.crs.to_epsg() == 32631
    assert array.rio.bounds() == (500_000, 5_999_920, 500_080, 6_000_000)
    assert array.dtype == np.float32
    assert array.time.values[0] == np.datetime64("2020-05-01T10:00:00")
    assert array.attrs == {"units": "u", "quantity": "", "modality": "thing", "reader": "test.reader.v1",
                           "source": "thing.tif"}  # fmt: skip


def test_times_are_sorted_and_brought_to_utc():
    layer = Counted(np.zeros((2, 2)))
    east = datetime(2020, 5, 1, 1, tzinfo=timezone(timedelta(hours=3)))
    array = scene(SPEC, {TIME: {"fine": layer}, east: {"fine": layer}}, PRODUCT)
    assert [str(t)[:13] for t in array.time.values] == ["2020-04-30T22", "2020-05-01T10"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"crs": "EPSG:32632"}, "lies in EPSG:32632"), ({"left": 500_010.0}, "do not nest"), ({"pixel": 15.0}, "nest")],
)
def test_bands_of_different_places_are_refused(wrong, message):
    layers = {"fine": Counted(np.zeros((8, 8))), "coarse": Counted(np.zeros((4, 4)), **{"pixel": 20.0, **wrong})}
    with pytest.raises(DataError, match=message):
        scene(SPEC, {TIME: layers}, PRODUCT)


def test_uneven_dates_are_refused():
    layer = Counted(np.zeros((2, 2)))
    with pytest.raises(DataError, match=r"2020-05-02.* has \['coarse'\], others \['fine'\]"):
        scene(SPEC, {TIME: {"fine": layer}, TIME + timedelta(days=1): {"coarse": layer}}, PRODUCT)


def test_clear_sky_is_boolean():
    mask = clear_sky({TIME: Counted(np.array([[1.0, 0.0], [np.nan, 1.0]]))})
    assert (mask.dims, mask.dtype) == (("time", "y", "x"), np.dtype(bool))
    assert mask.values.tolist() == [[[True, False], [False, True]]]


def write(path, values, **more):
    profile = {"driver": "GTiff", "count": 1, "height": values.shape[0], "width": values.shape[1],
               "dtype": values.dtype.name, "crs": "EPSG:32631", "transform": Affine(10, 0, 0, 0, -10, 0)}  # fmt: skip
    with rasterio.open(path, "w", **{**profile, **more}) as raster:
        raster.write(values, 1)
    return str(path)


def double(values):
    return values * 2


def test_a_file_layer_hides_nodata_and_converts(tmp_path):
    path = write(tmp_path / "a.tif", np.array([[0, 1], [7, 9]], np.uint16), nodata=0)
    layer = pickle.loads(pickle.dumps(FileLayer(path, nodata=(9.0,), convert=double)))
    np.testing.assert_array_equal(layer.read(slice(0, 2), slice(0, 2)), [[np.nan, 2], [14, np.nan]])


def test_a_missing_and_a_torn_file_are_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.tif: not found"):
        FileLayer(str(tmp_path / "none.tif")).grid()
    path = write(tmp_path / "torn.tif", np.random.default_rng(0).integers(0, 9, (400, 400), np.uint16))
    data = (tmp_path / "torn.tif").read_bytes()
    (tmp_path / "torn.tif").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"torn\.tif: cannot be read"):
        FileLayer(path).read(slice(0, 400), slice(0, 400))


def test_a_file_without_crs_is_refused_unless_one_is_given(tmp_path):
    path = write(tmp_path / "nowhere.tif", np.zeros((2, 2), np.uint8), crs=None)
    with pytest.raises(DataError, match="has no CRS"):
        FileLayer(path).grid()
    assert FileLayer(path, crs="EPSG:4326").grid().crs == "EPSG:4326"
