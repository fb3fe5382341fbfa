"""A real place, as somebody would open it with rioxarray; lent, so that the test skips where it is not."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import rioxarray
import xarray

from olmoearth_core import embed

ROOT = Path(os.environ.get("OLMOEARTH_SAMPLES", Path(__file__).parents[4] / "shared" / "samples") or "/nowhere")
SITE = ROOT / "sites" / "be_31ufs_2021"
pytestmark = [
    pytest.mark.skipif(not SITE.is_dir(), reason="the sample sites are not here: set OLMOEARTH_SAMPLES"),
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),  # rioxarray's use of affine
]


def stack(file, name):
    """Turn bands called YYYY-MM:BAND into dims time and band; 0 is what was not measured."""
    with rioxarray.open_rasterio(SITE / file) as opened:
        raster = opened.load()
    labels = [label.split(":") for label in raster.attrs.pop("long_name")]
    dates, bands = (list(dict.fromkeys(part)) for part in zip(*labels, strict=True))
    place = {axis: raster[axis] for axis in ("y", "x", "spatial_ref")}
    values = raster.to_numpy().reshape(len(dates), len(bands), *raster.shape[1:])
    time = np.array([date[:7] for date in dates], "datetime64[ns]")
    return xarray.DataArray(values, {"time": time, "band": bands, **place}, ("time", "band", "y", "x"), name=name)


@pytest.fixture(scope="module")
def site():
    optical = stack("sentinel2_l2a_10m.tif", "sentinel2_l2a").isel(y=slice(0, 32), x=slice(0, 32))
    radar = stack("sentinel1_10m.tif", "sentinel1").isel(y=slice(0, 32), x=slice(0, 32))
    decibels = 10 * np.log10(radar.where(radar > 0))
    return optical.astype("f4"), decibels


def test_a_real_site_becomes_a_map_of_embeddings_in_its_own_crs(small, site):
    optical, radar = site
    grid = embed(small, xarray.Dataset({"sentinel2_l2a": optical, "sentinel1": radar}), spatial=True, patch_size=8)
    assert grid.shape == (4, 4, 16)
    assert np.isfinite(grid).all()
    assert grid.rio.crs.to_epsg() == 32631
    assert grid.rio.resolution() == (80.0, -80.0)
    assert float(grid["x"][0]) == float(optical["x"][:8].mean())


def test_months_that_were_not_seen_are_as_good_as_not_there(make, block, site):
    # Absolute positions count the slots, also empty ones; rotary ones read the date.
    block["encoder_config"]["position_encoding"] = {"@position_encodings": "olmoearth.rope_3d_mixed.v1"}
    model, (optical, _) = make(block), site
    seen = (optical != 0).any(("band", "y", "x"))
    assert 0 < int((~seen).sum()) < 12
    both = [embed(model, part, patch_size=8) for part in (optical, optical.isel(time=seen.to_numpy()))]
    assert np.allclose(*both, atol=1e-5)


def tile(name):
    """Return one date of optical and radar values of a place with all bands; radar as it is stored, linear."""
    names = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"]
    found = []
    for file, bands in (("sentinel2_l2a_10m.tif", names), ("sentinel1_10m.tif", ["vv", "vh"])):
        with rioxarray.open_rasterio(ROOT / "sites" / name / file) as opened:
            raster = opened.load().isel(y=slice(0, 64), x=slice(0, 64))
        dated = raster.assign_coords(band=bands).expand_dims(time=np.array(["2020-06-01"], "datetime64[ns]"))
        found.append(dated.astype("f4"))
    return found


@pytest.mark.parametrize("name", ["tm_serengeti", "tm_denmark", "tm_brazil_coast"])
def test_real_tiles_draw_no_warning_in_their_units_and_one_in_others(small, name):
    optical, radar = tile(name)
    decibels = 10 * np.log10(radar.where(radar > 0))
    units = {"sentinel2_l2a": (optical, optical / 1e4), "sentinel1": (decibels, radar)}
    for modality, (right, wrong) in units.items():
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            embed(small, xarray.Dataset({modality: right}))
        with pytest.warns(UserWarning, match=f"{modality}: found values .* convert the values"):
            embed(small, xarray.Dataset({modality: wrong}))
