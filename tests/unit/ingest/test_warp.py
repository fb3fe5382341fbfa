"""Pixels keep their values where nothing moves, and are mixed only where the modality allows it."""

from dataclasses import replace

import numpy as np
import pytest
import xarray
from rasterio.transform import Affine
from rasterio.warp import transform as reproject

from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError
from olmoearth_core.ingest.place import cell_at
from olmoearth_core.ingest.warp import onto, resampled, target

RNG = np.random.default_rng(0)


def degrees(cell, pixels):
    """Longitude and latitude of the centres of a raster of a cell."""
    latlons = cell.sub_latlons(pixels).reshape(pixels, pixels, 2)
    return latlons[..., 1], latlons[..., 0]


def test_a_scene_on_the_cells_own_pixels_comes_out_bit_equal(made):
    values = RNG.normal(0, 1, (2, 3, 256, 256)).astype(np.float32)
    values[0, 1, 5:9, 7] = np.nan
    fine, coarse = made.images.band_sets
    array = made.on_cell(values, times=[np.datetime64("2020-01-01"), np.datetime64("2020-02-01")])
    np.testing.assert_array_equal(onto(array, made.images, made.cell, fine), values[:, :2])
    assert onto(array, made.images, made.cell, coarse).shape == (2, 1, 128, 128)


@pytest.mark.parametrize(("down", "across"), [(0, 0), (-30, 17), (300, -5), (-256, 0), (900, 900)])
def test_a_scene_shifted_by_whole_pixels_is_copied_where_it_lies(made, down, across):
    values = np.arange(256.0 * 256).reshape(1, 1, 256, 256).astype(np.float32)
    grid = made.cell.transform(16) @ Affine.translation(across, down)
    array = made.array(values, grid, made.cell.crs, bands=["class"])
    expected = np.full((256, 256), np.nan, np.float32)
    if abs(down) < 256 and abs(across) < 256:
        rows, cols = slice(max(0, down), 256 + min(0, down)), slice(max(0, across), 256 + min(0, across))
        expected[rows, cols] = values[
            0, 0, slice(max(0, -down), 256 - max(0, down)), slice(max(0, -across), 256 - max(0, across))
        ]
    out = onto(array, made.classes, made.cell, made.classes.band_sets[0])
    np.testing.assert_array_equal(out[0, 0], expected)


def test_only_the_part_under_the_cell_is_read(made, monkeypatch):
    sizes = []
    array = made.array(
        RNG.random((1, 1, 900, 900)), Affine(0.001, 0, 2.0, 0, -0.001, 51.0), "EPSG:4326", bands=["class"]
    )
    original = xarray.DataArray.isel

    def noted(self, *args, **kwargs):
        found = original(self, *args, **kwargs)
        sizes.append(found.shape[-2:])
        return found

    monkeypatch.setattr(xarray.DataArray, "isel", noted)
    cell = cell_at(2.5, 50.5)
    out = onto(array, made.classes, cell, made.classes.band_sets[0])
    assert np.isfinite(out).all()
    # 2560 m are 0.036 degrees of longitude and 0.023 of latitude here, and 5 pixels margin on each side.
    assert all(height < 36 and width < 49 for height, width in sizes)


@pytest.mark.parametrize("left", [-180.0, 0.0])
@pytest.mark.parametrize(
    "cell", [cell_at(179.999, 50.3), cell_at(-179.999, -50.3), cell_at(-0.001, 10), cell_at(100, 83.9)]
)
def test_a_map_of_the_world_is_read_without_a_seam(made, left, cell):
    """Bilinear of a field that is linear in latitude and smooth in longitude; maps from -180 or from 0 degrees."""
    pixel = 0.25
    lon, lat = left + pixel * (np.arange(1440) + 0.5), 90 - pixel * (np.arange(720) + 0.5)
    # The field jumps nowhere: a wave of one turn.
    field = np.stack([np.broadcast_to(np.sin(np.radians(lon)), (720, 1440)), np.repeat(lat[:, None], 1440, axis=1)])
    array = made.array(field[None], Affine(pixel, 0, left, 0, -pixel, 90), "EPSG:4326", bands=["a", "b"])
    out = resampled(array, target(made.images, cell, made.images.band_sets[0]), "bilinear")
    longitude, latitude = degrees(cell, 256)
    # At the map's own seam a neighbour is missing, so that the nearest column stands for it: half a pixel of 0.25.
    np.testing.assert_allclose(out[0, 0], np.sin(np.radians(longitude)), atol=np.radians(0.13))
    np.testing.assert_allclose(out[0, 1], latitude, atol=1e-4)


def test_nearest_takes_the_pixel_under_each_centre(made):
    codes = RNG.integers(1, 200, (1, 1, 300, 300)).astype(np.float32)
    grid = Affine(0.0001, 0, 2.49, 0, -0.0001, 50.51)
    array = made.array(codes, grid, "EPSG:4326", bands=["class"])
    cell = cell_at(2.5, 50.5)
    out = onto(array, made.classes, cell, made.classes.band_sets[0])[0, 0]
    longitude, latitude = degrees(cell, 256)
    cols, rows = ~grid @ (longitude.ravel(), latitude.ravel())
    inside = (cols >= 0) & (cols < 300) & (rows >= 0) & (rows < 300)
    expected = np.full(256 * 256, np.nan, np.float32)
    expected[inside] = codes[0, 0, rows[inside].astype(int), cols[inside].astype(int)]
    differ = ~((out.ravel() == expected) | (np.isnan(out.ravel()) & np.isnan(expected)))
    # GDAL places centres to an eighth of a pixel, so those that near to an edge may fall to either side.
    to_edge = np.minimum.reduce([np.abs(v - np.round(v)) for v in (cols, rows)])
    assert (to_edge[differ] < 0.125).all()
    assert differ.mean() < 0.02


@pytest.mark.parametrize("method", ["nearest", "mode"])
@pytest.mark.parametrize("size", [0.00003, 0.0001, 0.003])
def test_no_class_is_invented(made, method, size):
    codes = RNG.choice(np.array([10.0, 20, 95]), (1, 1, 400, 400))
    codes[0, 0, 100:130] = np.nan
    array = made.array(
        codes, Affine(size, 0, 2.5 - 200 * size, 0, -size, 50.5 + 200 * size), "EPSG:4326", bands=["class"]
    )
    spec = replace(made.classes, resampling=method)
    out = onto(array, spec, cell_at(2.5, 50.5), spec.band_sets[0])
    assert set(np.unique(out[np.isfinite(out)])) <= {10.0, 20.0, 95.0}
    assert np.isfinite(out).any()


@pytest.mark.parametrize("method", ["bilinear", "average"])
def test_mixing_classes_is_refused(made, method):
    spec = replace(made.classes, resampling=method)
    array = made.on_cell(np.ones((1, 1, 256, 256)), spec)
    with pytest.raises(DataError, match="invent classes"):
        onto(array, spec, made.cell, spec.band_sets[0])


@pytest.mark.parametrize("method", ["bilinear", "average"])
def test_power_is_mixed_as_power(made, method):
    """The mean of 0.01 and 1 in power is 0.505; of their decibels it would be 0.1."""
    stripes = np.where(np.arange(1024) % 2, 1.0, 0.01)[None, None, None].repeat(1024, axis=2)
    grid = made.cell.transform(4)
    array = made.array(stripes, grid, made.cell.crs, bands=["a", "b"][:1])
    out = resampled(array, target(made.images, made.cell, made.images.band_sets[0]), method)
    np.testing.assert_allclose(out[0, 0, 2:-2, 2:-2], 0.505, atol=1e-6)


@pytest.mark.parametrize("method", ["nearest", "bilinear", "average"])
def test_nothing_stays_nothing_and_costs_its_own_band_alone(made, method):
    values = np.full((1, 2, 300, 300), 7.0)
    values[0, 0, :150] = np.nan
    grid = Affine(10, 0, made.cell.top_left[0] - 203, 0, -10, made.cell.top_left[1] + 197)
    array = made.array(values, grid, made.cell.crs, bands=["a", "b"])
    out = resampled(array, target(made.images, made.cell, made.images.band_sets[0]), method)
    assert np.isnan(out[0, 0, :125]).all()
    assert set(np.unique(out[np.isfinite(out)])) == {7.0}
    assert np.isfinite(out[0, 0, 135:270, :275]).all()
    assert np.isfinite(out[0, 1, :270, :275]).all()


def test_rasters_that_grow_to_the_north_are_read_the_right_way_up(made):
    grid = made.cell.transform(16)
    values = np.arange(256.0)[None, None, :, None].repeat(256, axis=3)
    north = Affine(10, 0, grid.c + 3.3, 0, 10, grid.f - 2560)
    array = made.array(values[:, :, ::-1], north, made.cell.crs, bands=["a"])
    out = resampled(array, target(made.images, made.cell, made.images.band_sets[0]), "nearest")
    np.testing.assert_array_equal(out[0, 0, :, 128], np.arange(256))


def test_a_scene_of_the_neighbouring_zone_lands_where_it_should(made):
    cell = cell_at(5.99, 50.5)
    left, top = (v[0] for v in reproject("EPSG:4326", "EPSG:32632", [5.95], [50.53]))
    grid = Affine(10, 0, left, 0, -10, top)
    cols, rows = np.meshgrid(np.arange(700) + 0.5, np.arange(700) + 0.5)
    lon, lat = reproject("EPSG:32632", "EPSG:4326", *map(list, (v.ravel() for v in grid @ (cols, rows))))
    field = np.stack([np.array(lon).reshape(700, 700), np.array(lat).reshape(700, 700)])[None]
    array = made.array(field, grid, "EPSG:32632", bands=["a", "b"])
    out = resampled(array, target(made.images, cell, made.images.band_sets[0]), "bilinear")
    longitude, latitude = degrees(cell, 256)
    there = np.isfinite(out[0, 0])
    assert there.mean() > 0.9
    # An eighth of a pixel of 10 m is 1.8e-5 degrees of longitude here, and 1.1e-5 of latitude.
    np.testing.assert_allclose(out[0, 0][there], longitude[there], atol=1.8e-5)
    np.testing.assert_allclose(out[0, 1][there], latitude[there], atol=1.1e-5)


def test_bands_that_a_scene_lacks_are_nothing_and_the_order_is_the_specifications(made):
    values = np.stack([np.full((256, 256), 2.0), np.full((256, 256), 1.0)])[None]
    array = made.array(values, made.cell.transform(16), made.cell.crs, bands=["b", "a"])
    fine, coarse = (onto(array, made.images, made.cell, band_set) for band_set in made.images.band_sets)
    assert [fine[0, i].mean() for i in range(2)] == [1.0, 2.0]
    assert np.isnan(coarse).all()


def test_values_without_rows_and_columns_fill_the_raster(made):
    array = made.array(np.ones((1, 1, 2, 2)), Affine(1, 0, 0, 0, -1, 0), "EPSG:4326", bands=["class"]).isel(x=0, y=0)
    assert (onto(array, made.classes, made.cell, made.classes.band_sets[0]) == 1).all()


def test_a_scene_elsewhere_gives_nothing(made):
    array = made.array(np.ones((1, 1, 9, 9)), Affine(10, 0, 3e5, 0, -10, 1e6), "EPSG:32718", bands=["class"])
    assert np.isnan(onto(array, made.classes, made.cell, made.classes.band_sets[0])).all()


def test_absurdly_small_pixels_are_refused_before_they_are_read(made):
    """A raster of 40,000 x 40,000 pixels without memory behind it."""
    dots = np.broadcast_to(np.float32(1), (1, 1, 40_000, 40_000))
    left, top = made.cell.top_left
    array = made.array(dots[..., :2, :2], Affine(0.05, 0, left, 0, -0.05, top), made.cell.crs, bands=["class"])
    coords = {"x": left + 0.05 * np.arange(40_000), "y": top - 0.05 * np.arange(40_000)}
    vast = xarray.DataArray(dots, dims=array.dims, coords={**array.coords, **coords}, attrs={"source": "vast.tif"})
    with pytest.raises(DataError, match=r"vast\.tif: .* values under one cell"):
        onto(vast, made.classes, made.cell, made.classes.band_sets[0])


@pytest.mark.parametrize("fault", ["crs", "uneven", "one pixel"])
def test_a_scene_without_a_place_is_refused_by_name(made, fault):
    array = made.array(
        np.ones((1, 1, 9, 9)), Affine(10, 0, 3e5, 0, -10, 1e6), "EPSG:32718", bands=["class"], source="x.tif"
    )
    if fault == "crs":
        array = array.drop_vars("spatial_ref")
    elif fault == "uneven":
        array = array.assign_coords(x=np.arange(9.0) ** 2)
    else:
        array = array.isel(x=[0], y=[0])
    with pytest.raises(DataError, match=r"x\.tif"):
        onto(array, made.classes, made.cell, made.classes.band_sets[0])


def test_cells_of_the_southern_hemisphere_are_filled_too(made):
    cell = Cell("EPSG:32733", 16, 150, -3500)
    values = RNG.random((1, 1, 256, 256))
    array = made.array(values, cell.transform(16), cell.crs, bands=["class"])
    np.testing.assert_array_equal(onto(array, made.classes, cell, made.classes.band_sets[0]), values.astype(np.float32))
