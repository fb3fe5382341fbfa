import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from olmoearth_core import lookup
from olmoearth_core.data.normalize import Normalizer, bounds, override
from olmoearth_core.errors import DataError


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
