"""Values that are not what the specification says are refused with the evidence; true scenes pass."""

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray

from olmoearth_core import modalities
from olmoearth_core.errors import DataError
from olmoearth_core.readers.contract import check, sample

SAMPLES = Path(os.environ.get("OLMOEARTH_SAMPLES", Path(__file__).parents[4] / "shared" / "samples") or "/nowhere")
SIDE = 64


def spectrum(spec, seed=0):
    """A field scene: per-pixel share of vegetation mixed from two spectra, and noise."""
    rng = np.random.default_rng(seed)
    green = rng.beta(0.8, 0.8, (SIDE, SIDE))
    waves = np.array([spec.wavelengths_nm[b] for b in spec.band_order])
    plant = np.where(waves < 700, 300.0, np.where(waves < 720, 900.0, np.where(waves < 1000, 3500.0, 1200.0)))
    plant[waves > 2000] = 600.0
    soil = 500.0 + 1.1 * np.minimum(waves, 2000)
    return (
        plant[:, None, None] * green + soil[:, None, None] * (1 - green) + rng.normal(0, 20, (len(waves), SIDE, SIDE))
    )


def array(spec, values, quantity=None, bands=None):
    values = np.asarray(values, np.float32)[None]
    coords = {"band": list(bands or spec.band_order)}
    attrs = {"quantity": spec.quantity if quantity is None else quantity, "units": "u", "source": "scene.tif"}
    return xarray.DataArray(values, dims=("time", "band", "y", "x"), coords=coords, attrs=attrs)


@pytest.fixture(scope="module")
def optical():
    return modalities(["sentinel2_l2a"])[0]


@pytest.fixture(scope="module")
def radar():
    return modalities(["sentinel1"])[0]


def test_a_true_scene_passes(optical):
    check(array(optical, spectrum(optical).round()), optical)


def test_fractions_are_no_counts(optical):
    with pytest.raises(DataError, match=r"scene\.tif: refused as sentinel2_l2a\. Band B02 ranges .* fractions"):
        check(array(optical, spectrum(optical) / 10000), optical)


def test_an_offset_that_was_not_removed_is_seen(optical):
    with pytest.raises(DataError, match=r"No pixel of any band is below 1000 .*B12"):
        check(array(optical, spectrum(optical).round() + 1000), optical)


@pytest.mark.parametrize("bright", [3000, 8000])
def test_clouds_and_desert_are_not_taken_for_an_offset(optical, bright):
    check(array(optical, spectrum(optical).round() * 0.2 + bright), optical)


def test_snow_is_not_taken_for_an_offset(optical):
    snow = spectrum(optical).round() * 0.1 + 7000
    snow[[optical.band_order.index(b) for b in ("B11", "B12")]] -= 6500
    check(array(optical, snow), optical)


@pytest.mark.parametrize("pair", [("B04", "B08"), ("B03", "B8A"), ("B02", "B07")])
def test_red_and_infrared_in_each_others_place_are_seen(optical, pair):
    values = spectrum(optical).round()
    a, b = (optical.band_order.index(band) for band in pair)
    values[[a, b]] = values[[b, a]]
    with pytest.raises(DataError, match="seem to be swapped"):
        check(array(optical, values), optical)


def test_decibels_are_no_power(radar):
    decibels = np.random.default_rng(0).normal(-12, 4, (2, SIDE, SIDE))
    with pytest.raises(DataError, match=r"negative .*as decibels are"):
        check(array(radar, decibels), radar)
    check(array(radar, 10 ** (decibels / 10)), radar)


def test_the_declared_quantity_must_be_the_specifications(radar):
    with pytest.raises(DataError, match=r'its values are "decibel" .* takes "linear_power"'):
        check(array(radar, np.ones((2, 4, 4)), quantity="decibel"), radar)


def test_undeclared_units_are_refused(radar):
    with pytest.raises(DataError, match="not declared"):
        check(array(radar, np.ones((2, 4, 4)), quantity=""), radar)


def test_nodata_must_be_nan(optical):
    values = spectrum(optical).round()
    values[3, :2] = 0
    with pytest.raises(DataError, match=r"Band B08 has 128 values of 0, which stands for nothing"):
        check(array(optical, values), optical)


def test_bands_that_do_not_exist_are_named(radar):
    with pytest.raises(DataError, match="bands hh are not of sentinel1"):
        check(array(radar, np.ones((2, 4, 4)), bands=("vv", "hh")), radar)


def test_an_interpolated_map_is_refused():
    (cover,) = modalities(["worldcover"])
    with pytest.raises(DataError, match=r"holds 14\.5 .* was interpolated"):
        check(array(cover, [[[10, 20], [14.5, 10]]]), cover)


def test_codes_of_another_legend_are_named():
    (cover,) = modalities(["worldcover"])
    with pytest.raises(DataError, match=r"has codes 11, .*expected 10, 20"):
        check(array(cover, [[[10, 11], [20, 95]]]), cover)


def test_elevations_that_cannot_be_are_refused():
    (height,) = modalities(["srtm"])
    with pytest.raises(DataError, match="100% of band srtm lie outside the valid range -500 to 9000"):
        check(array(height, np.full((1, 8, 8), 12000.0)), height)


def test_nothing_measured_is_no_fault(optical, radar):
    for spec in (optical, radar):
        check(array(spec, np.full((spec.num_bands, 8, 8), np.nan)), spec)


def test_a_large_scene_is_judged_by_five_squares(optical):
    values = xarray.DataArray(
        np.broadcast_to(np.float32(500), (1, 12, 4000, 3000)),
        dims=("time", "band", "y", "x"), coords={"band": list(optical.band_order)},
    )  # fmt: skip
    assert len(sample(values)["B02"]) == 5 * 228**2


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no real samples on this machine")
@pytest.mark.parametrize("site", ["tm_serengeti", "tm_denmark", "tm_brazil_coast"])
def test_real_scenes_pass_and_their_faults_are_found(optical, site):
    path = SAMPLES / "sites" / site / "sentinel2_l2a_10m.tif"
    with rasterio.open(path) as raster:
        values = raster.read().astype(np.float32)
        bands = raster.descriptions
    values[values == 0] = np.nan
    scene = array(optical, values, bands=bands).sel(band=list(optical.band_order))
    check(scene, optical)
    with pytest.raises(DataError, match="fractions"):
        check((scene / 10000).assign_attrs(scene.attrs), optical)
    wrong = {"B04": "B08", "B08": "B04"}
    if site != "tm_serengeti":  # dry grass: red and near infrared rise together
        with pytest.raises(DataError, match="swapped"):
            check(scene.assign_coords(band=[wrong.get(b, b) for b in optical.band_order]), optical)
