"""What stands in for absent bands (spec/model_v1_3.md, check 14)."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from olmoearth_core import lookup
from olmoearth_core.data.fill import donors
from olmoearth_core.data.normalize import Normalizer
from olmoearth_core.errors import ConfigError


def spec_of(name):
    return lookup.modalities([name])[0]


def complete(name, stored, fill="nearest_band"):
    """stored: band -> value; all others are absent. Returns band -> normalised value, and the bands that are there."""
    spec = spec_of(name)
    values = np.array([[stored.get(band, -99999.0) for band in spec.band_order]], np.float32)
    present = np.array([[band in stored for band in spec.band_order]])
    out, there = Normalizer([spec], fill=fill).complete(name, values, present)
    kept = {band for band, yes in zip(spec.band_order, there[0], strict=True) if yes}
    return dict(zip(spec.band_order, out[0].tolist(), strict=True)), kept


def nearest(name, band):
    spec = spec_of(name)
    return [spec.band_order[i] for i in donors(spec)[spec.band_order.index(band)]]


def test_sentinel2_of_1000_becomes_the_published_values():
    found, _ = complete("sentinel2_l2a", dict.fromkeys(spec_of("sentinel2_l2a").band_order, 1000.0))
    expected = {"B02": 0.474594, "B03": 0.440996, "B04": 0.426318, "B08": 0.227791, "B01": 0.485191, "B09": 0.285955}
    assert {band: found[band] for band in expected} == pytest.approx(expected, abs=1e-6)


def test_an_absent_band_takes_the_stored_value_of_its_neighbour_and_its_own_statistics():
    stored = {"B01": 700.0, "B03": 1000.0}
    found, kept = complete("sentinel2_l2a", stored)
    same, _ = complete("sentinel2_l2a", {"B02": 700.0})
    assert found["B02"] == same["B02"]
    assert kept == set(spec_of("sentinel2_l2a").band_order)


def test_without_a_stand_in_an_absent_band_is_zero():
    found, kept = complete("sentinel2_l2a", {"B01": 700.0}, fill="zero")
    assert (found["B02"], kept) == (0.0, {"B01"})


def test_a_copy_is_never_copied_on():
    found, _ = complete("landsat", {"B1": 5000.0, "B5": 9000.0})
    alone, _ = complete("landsat", {"B3": 5000.0})
    assert found["B3"] == alone["B3"]
    further, _ = complete("landsat", {"B9": 9000.0})
    assert found["B9"] == further["B9"]


def test_pan_takes_green_and_heat_takes_only_heat():
    assert nearest("landsat", "B8")[0] == "B3"
    assert nearest("landsat", "B10") == ["B11"]
    assert nearest("landsat", "B11") == ["B10"]
    found, kept = complete("landsat", dict.fromkeys(["B2", "B3", "B4", "B5"], 9000.0))
    assert (found["B10"], found["B11"]) == (0.0, 0.0)
    assert kept.isdisjoint({"B10", "B11"})


def test_of_equally_near_bands_the_shorter_stands_in():
    spec = replace(spec_of("sentinel1"), wavelengths_nm={"vv": 500.0, "vh": 600.0})
    three = replace(spec_of("sentinel2_l2a"), wavelengths_nm={"B02": 600.0, "B03": 500.0, "B04": 550.0})
    order = three.band_order
    assert [order[i] for i in donors(three)[order.index("B04")]] == ["B03", "B02"]
    assert donors(spec) == ((1,), (0,))


def test_bands_without_a_wavelength_neither_give_nor_take():
    assert donors(spec_of("sentinel1")) == ((), ())
    found, kept = complete("sentinel1", {"vv": -10.0})
    assert (found["vh"], kept) == (0.0, {"vv"})


def test_bands_are_filled_per_pixel_and_step_and_the_input_is_left_alone():
    spec = spec_of("landsat")
    values = np.full((2, 1, 3, 11), 8000, np.uint16)
    values[..., 1] = 6000
    before = values.copy()
    present = np.ones((1, 1, 3, 11), bool)
    present[0, 0, 1, 2] = False
    out, there = Normalizer([spec], fill="nearest_band").complete("landsat", values, present)
    whole = Normalizer([spec])("landsat", values)
    moved = np.argwhere(out != whole)
    assert moved.tolist() == [[0, 0, 1, 2], [1, 0, 1, 2]]
    assert bool(there.all())
    assert (values == before).all()
    assert not present.all()


def test_a_filling_normalizer_survives_the_way_to_a_worker():
    spec = spec_of("landsat")
    values, present = np.full((1, 11), 8000.0, np.float32), np.arange(11)[None] > 0
    first = Normalizer([spec], fill="nearest_band")
    found = [n.complete("landsat", values, present)[0].tolist() for n in (first, pickle.loads(pickle.dumps(first)))]
    assert found[0] == found[1]


def test_a_fill_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ConfigError, match="fill is 'mean'; expected one of zero, nearest_band"):
        Normalizer([], fill="mean")
