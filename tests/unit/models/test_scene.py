"""Embeddings of xarray scenes: names decide, order does not."""

import numpy as np
import pytest
import rioxarray  # noqa: F401  (importing it is what gives arrays their .rio)
import xarray

from olmoearth_core import embed, modalities
from olmoearth_core.errors import DataError

DATES = np.array(["2021-03-05", "2021-06-20", "2021-12-31"], "datetime64[ns]")


@pytest.fixture
def scene():
    """Return two sensors over 8 x 16 pixels on three dates, north up, in UTM."""
    rng = np.random.default_rng(0)
    place = {"time": DATES, "y": 5e6 - 5 - 10.0 * np.arange(8), "x": 6e5 + 5 + 10.0 * np.arange(16)}
    made = {}
    for spec in modalities(["sentinel2_l2a", "sentinel1"]):
        values = (
            rng.uniform(200, 4000, (3, spec.num_bands, 8, 16))
            if spec.num_bands > 2
            else rng.normal(-12, 4, (3, 2, 8, 16))
        )
        bands = f"band_{spec.name}"
        made[spec.name] = xarray.DataArray(values, {**place, bands: list(spec.band_order)}, ("time", bands, "y", "x"))
    return xarray.Dataset(made)


def one(scene, name="sentinel2_l2a"):
    return scene[name].rename({f"band_{name}": "band"})


def test_a_scene_is_embedded_like_the_batch_it_stands_for(small, scene, batch):
    import torch

    from olmoearth_core import Batch

    arrays = {
        name: torch.from_numpy(scene[name].transpose("y", "x", "time", ...).to_numpy().astype("f4"))[None]
        for name in scene.data_vars
    }
    flat = embed(small, Batch(arrays, {}, batch.timestamps[:1]), spatial=True)
    assert np.array_equal(embed(small, scene, spatial=True).to_numpy(), flat[0].numpy())
    pooled = embed(small, scene)
    assert (pooled.dims, pooled.shape) == (("feature",), (16,))


def test_the_order_of_dims_bands_and_variables_does_not_matter(small, scene):
    told = embed(small, scene, spatial=True)
    turned = scene.transpose("x", "band_sentinel1", "y", "time", "band_sentinel2_l2a")
    turned = turned.isel(band_sentinel2_l2a=slice(None, None, -1))[["sentinel1", "sentinel2_l2a"]]
    assert np.allclose(embed(small, turned, spatial=True), told, atol=1e-5)


def test_sensors_may_share_one_dim_of_bands_which_xarray_fills_with_nan(small, scene):
    shared = xarray.Dataset({name: one(scene, name) for name in scene.data_vars})
    assert shared.sizes["band"] == 14
    assert np.allclose(embed(small, shared), embed(small, scene), atol=1e-5)


def test_patches_are_where_their_centres_are_and_in_the_crs_of_the_scene(small, scene):
    grid = embed(small, scene.rio.write_crs(32631), spatial=True)
    assert grid.dims == ("y", "x", "feature")
    assert grid["y"].to_numpy().tolist() == [5e6 - 20, 5e6 - 60]
    assert grid["x"].to_numpy().tolist() == [6e5 + 20, 6e5 + 60, 6e5 + 100, 6e5 + 140]
    assert grid.rio.crs.to_epsg() == 32631
    assert grid.rio.resolution() == (40.0, -40.0)
    assert grid.attrs["patch_size"] == 4


def test_dates_are_read_as_days_months_and_years(small, scene):
    from olmoearth_core.models.scene import read

    assert read(scene, small.card, 4).batch.timestamps[0].tolist() == [[5, 2, 2021], [20, 5, 2021], [31, 11, 2021]]
    old = one(scene).assign_coords(time=np.array(["1969-12-31", "2000-02-29", "2024-01-01"], "datetime64[s]"))
    assert read(old, small.card, 4).batch.timestamps[0].tolist() == [[31, 11, 1969], [29, 1, 2000], [1, 0, 2024]]


def test_missing_bands_dates_and_maps_are_no_obstacle(small, scene):
    few = one(scene).sel(band=["B02", "B8A"])
    assert np.isfinite(embed(small, few)).all()
    snapshot = one(scene).isel(time=1)
    assert np.allclose(embed(small, snapshot), embed(small, one(scene).isel(time=[1])), atol=1e-6)
    land = xarray.DataArray(np.full((8, 16), 50), dims=("y", "x"), name="worldcover")
    assert embed(small, land, spatial=True).shape == (2, 4, 16)


def test_upper_case_names_of_modalities_and_bands_are_understood(small, scene):
    radar = one(scene, "sentinel1")
    shouted = radar.assign_coords(band=["VV", "VH"]).rename("SENTINEL1")
    assert np.array_equal(embed(small, shouted), embed(small, radar))


FAULTS = {
    "no name": (lambda s: one(s).rename(None), "found a DataArray without a name"),
    "modality": (lambda s: one(s).rename("sentinel3"), r'sentinel3: not a modality of small.*Did you mean "sentinel'),
    "no dates": (lambda s: one(s).drop_vars("time"), "found no dates, expected a coordinate time of type datetime64"),
    "numbers for dates": (lambda s: one(s).assign_coords(time=[1, 2, 3]), "found dates of type int64"),
    "no band names": (lambda s: one(s).drop_vars("band"), "the dim band has no names, expected .* B02, B03"),
    "no bands": (lambda s: one(s).isel(band=0, drop=True), "found the dims time, y, x, expected one called band"),
    "strange band": (
        lambda s: one(s, "sentinel1").assign_coords(band=["vv", "vw"]),
        r"found the bands vw, expected some of vv, vh. Leave others out with .sel",
    ),
    "nearly a band": (
        lambda s: one(s).assign_coords(band=[*s["band_sentinel2_l2a"].to_numpy()[:-1], "B90"]),
        'found the bands B90, expected .* Did you mean "B\\w\\w" for "B90"',
    ),
    "band twice": (lambda s: one(s, "sentinel1").assign_coords(band=["vv", "VV"]), "found a band twice among vv, vv"),
    "dims": (lambda s: one(s).rename(y="lat"), "found the dims time, band, lat, x, expected y, x, time, band"),
    "dates of a map": (
        lambda s: one(s).isel(band=0, drop=True).rename("worldcover"), "worldcover: found 3 dates, expected none"
    ),
    "size": (
        lambda s: one(s).isel(x=slice(0, 13)),
        r"found 8 x 13 pixels, expected multiples of 4 .* Cut it .* x=slice\(0, 12\)\)",
    ),
    "too small": (lambda s: one(s).isel(x=slice(0, 3)), "found 8 x 3 pixels.* Choose a patch size that divides them"),
    "empty": (lambda s: xarray.Dataset(), "found a Dataset without variables"),
    "array": (lambda s: one(s).to_numpy(), "found a ndarray, expected a Batch, an xarray.Dataset or"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_read_is_told_with_what_can(small, scene, fault):
    spoil, message = FAULTS[fault]
    with pytest.raises(DataError, match=message):
        embed(small, spoil(scene))
