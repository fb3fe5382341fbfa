"""Acceptance checks 20 and 41 of the data chapter; which statistics are used, and which are refused."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from olmoearth_core import lookup
from olmoearth_core.data.dataset import h5
from olmoearth_core.data.normalize import Normalizer, bounds, choose, override
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.settings import check_of


def normalized(name: str, stored: object, dtype: type = np.float32) -> np.ndarray:
    specs = lookup.modalities([name])
    return Normalizer(specs)(name, np.array(stored, dtype))


def test_sentinel2_of_1000_becomes_the_documented_values():
    expected = [
        0.47459364, 0.44099601, 0.42631771, 0.22779126, 0.37305906, 0.27132029,
        0.23444564, 0.20745648, 0.22896263, 0.32802615, 0.48519079, 0.28595465,
    ]  # fmt: skip
    np.testing.assert_allclose(normalized("sentinel2_l2a", [1000] * 12, np.uint16), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "stored", "expected"),
    [
        ("sentinel1", [-10, -15], [0.538029, 0.56718291]),
        ("latlon", [45, -90], [0.75, 0.25]),
        ("worldcover", [10], [0.25192164]),
        ("worldcover", [95], [1.12884595]),
        ("srtm", [-32768], [-7.918738]),
    ],
)
def test_other_modalities_become_the_documented_values_unclipped(name, stored, expected):
    np.testing.assert_allclose(normalized(name, stored, np.int32), expected, rtol=1e-6)


def test_predefined_optical_values_are_a_ten_thousandth():
    stored = np.array([0, 1000, 10_000, 12_345] * 3, np.uint16)
    (spec,) = choose(lookup.modalities(["sentinel2_l2a"]), {"sentinel2_l2a": "predefined"})
    np.testing.assert_allclose(Normalizer([spec])("sentinel2_l2a", stored), stored / 10_000, rtol=1e-6)
    np.testing.assert_allclose(normalized("sentinel2", [*stored, 500]), np.array([*stored, 500]) / 10_000, rtol=1e-6)


@pytest.mark.parametrize("code", [0, 255])
def test_a_code_that_means_nothing_is_still_a_value(code):
    assert normalized("worldcover", [code], np.uint8)[0] == pytest.approx(
        float((code - bounds(lookup.modalities(["worldcover"])[0])[0][0]) / np.subtract(*bounds(
            lookup.modalities(["worldcover"])[0])[::-1])[0]), rel=1e-5,
    )  # fmt: skip


@given(st.integers(0, 65535), st.integers(1, 5), st.integers(1, 4))
def test_float32_equals_float64_then_cast(value, side, steps):
    (spec,) = lookup.modalities(["landsat"])
    stored = np.full((side, side, steps, 11), value, np.uint16)
    low, high = bounds(spec)
    expected = ((stored - low) / (high - low)).astype(np.float32)
    np.testing.assert_allclose(Normalizer([spec])("landsat", stored), expected, rtol=2e-6, atol=2e-6)


def test_a_missing_statistic_names_modality_and_band():
    (spec,) = lookup.modalities(["sentinel1"])
    poor = replace(spec, statistics={"vv": spec.statistics["vv"]})
    with pytest.raises(DataError, match=r"sentinel1: no mean for vh, which its 'computed' normalisation"):
        Normalizer([poor])


def test_statistics_from_a_file_replace_those_of_the_modality(tmp_path):
    path = tmp_path / "stats.json"
    path.write_text(json.dumps({"srtm": {"srtm": {"mean": 10.0, "std": 5.0}}, "total_n": 3}))
    specs = override(lookup.modalities(["srtm"]), str(path))
    assert Normalizer(specs)("srtm", np.array([20.0]))[0] == pytest.approx(1.0)


def test_a_band_that_does_not_exist_in_a_statistics_file_is_named(tmp_path):
    path = tmp_path / "stats.json"
    path.write_text(json.dumps({"srtm": {"hight": {"mean": 10.0, "std": 5.0}}}))
    with pytest.raises(DataError, match=r"srtm has no band \['hight'\]. It has srtm"):
        override(lookup.modalities(["srtm"]), str(path))


def test_a_normalizer_survives_the_way_to_a_worker():
    specs = lookup.modalities(["srtm"])
    copy = pickle.loads(pickle.dumps(Normalizer(specs)))
    assert copy("srtm", np.array([3]))[0] == Normalizer(specs)("srtm", np.array([3]))[0]


def test_standard_maps_the_mean_to_zero_and_one_deviation_to_one():
    (spec,) = choose(lookup.modalities(["sentinel1"]), {"SENTINEL1": "standard"})
    mean = np.array([spec.statistics[band].mean for band in spec.band_order])
    std = np.array([spec.statistics[band].std for band in spec.band_order])
    stored = np.stack([mean, mean + std, mean - 2 * std]).astype(np.float32)
    np.testing.assert_allclose(Normalizer([spec])("sentinel1", stored), [[0, 0], [1, 1], [-2, -2]], atol=1e-5)


def test_a_chosen_normalisation_survives_statistics_from_a_file(tmp_path):
    path = tmp_path / "stats.json"
    path.write_text(json.dumps({"srtm": {"srtm": {"mean": 10.0, "std": 5.0}}}))
    specs = override(choose(lookup.modalities(["srtm"]), {"srtm": "standard"}), str(path))
    assert Normalizer(specs)("srtm", np.array([20.0]))[0] == pytest.approx(2.0)


def test_a_modality_whose_normalisation_is_chosen_must_be_there():
    with pytest.raises(ConfigError, match=r'sentinel_1 is not trained on \(did you mean "sentinel1"\?\)'):
        choose(lookup.modalities(["sentinel1", "srtm"]), {"sentinel_1": "standard"})


def test_a_layer_takes_back_a_choice_with_null():
    assert choose(lookup.modalities(["srtm"]), {"srtm": None, "landsat": None}) == lookup.modalities(["srtm"])


def test_a_normalisation_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ConfigError, match="srtm is 'zscore'; expected one of computed, standard, predefined, none"):
        choose(lookup.modalities(["srtm"]), {"srtm": "zscore"})  # type: ignore[dict-item]


def test_a_config_check_finds_a_choice_for_a_modality_that_is_not_trained_on():
    judge = check_of(h5)
    assert judge is not None
    settings = {"training_modalities": ["SENTINEL1"], "normalization": {"Sentinel1": "standard", "srtm": None}}
    assert list(judge(settings)) == []
    (remark,) = judge({**settings, "normalization": {"sentinel2": "standard"}})
    assert (remark.key, remark.fault) == ("normalization", True)
    assert "sentinel2 is not trained on" in remark.message


def test_standard_without_a_mean_is_refused():
    (spec,) = choose(lookup.modalities(["openstreetmap_raster"]), {"openstreetmap_raster": "standard"})
    with pytest.raises(DataError, match="openstreetmap_raster: no mean for"):
        Normalizer([spec])
