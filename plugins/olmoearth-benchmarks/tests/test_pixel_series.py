"""Pixel time series: the layout, made up and real, and what is wrong with it when it is."""

import os
from pathlib import Path

import fsspec
import numpy as np
import pytest
from olmoearth_benchmarks.pixel_series import CHANNELS, INPUTS, pixel_series

from olmoearth_core import modalities
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.evaluation import Context

NOTHING = Context()
SAMPLES = Path(os.environ.get("OLMOEARTH_SAMPLES", Path(__file__).parents[4] / "shared" / "samples") or "/nowhere")
REAL = SAMPLES / "eval" / "pixel_timeseries"
SPECS = modalities(["sentinel2_l2a", "sentinel1", "srtm"])


def arrays(count=20):
    rng = np.random.default_rng(0)
    return {
        "s1_s2_era5_srtm": rng.normal(size=(count, 12, 18)),
        "target": np.arange(count) % 3 + 1,
        "is_test": (np.arange(count) % 5 == 0).astype(np.int64),
        "latlon": np.stack([np.arange(count) * 0.7, np.zeros(count)], axis=1),
        "month": (np.arange(12)[None] + np.arange(count)[:, None]) % 12,
    }


def write(place, found):
    for name, array in found.items():
        with fsspec.open(f"{place}/{name}.npy", "wb") as stream:
            np.save(stream, array)
    return str(place)


def opened(place, specs=SPECS, **options):
    return pixel_series(root=place, **options).open(specs, context=NOTHING)


def test_bands_come_from_their_channels_and_others_are_absent(tmp_path):
    found = arrays()
    one = opened(write(tmp_path, found)).splits["train"][0]
    row, spec = one.sample.index, SPECS[0]
    array = one.sample.arrays["sentinel2_l2a"]
    assert array.shape == (1, 1, 12, 12)
    for at, band in enumerate(spec.band_order):
        there = one.sample.presence["sentinel2_l2a"][..., at]
        assert bool(there.all()) == (band in INPUTS["sentinel2_l2a"])
        if band in INPUTS["sentinel2_l2a"]:
            channel = CHANNELS.index(INPUTS["sentinel2_l2a"][band])
            assert array[0, 0, :, at] == pytest.approx(found["s1_s2_era5_srtm"][row, :, channel])
    assert one.sample.arrays["srtm"].shape == (1, 1, 1, 1)
    assert int(one.label) == found["target"][row] - 1


def test_months_go_into_the_next_year(tmp_path):
    train = opened(write(tmp_path, arrays())).splits["train"]
    stamps = next(one.sample.timestamps for one in train if one.sample.index == 3)
    assert stamps[0].tolist() == [1, 3, 2020]
    assert stamps[-1].tolist() == [1, 2, 2021]


def test_validation_is_cut_in_whole_squares_of_what_is_not_test(tmp_path):
    splits = opened(write(tmp_path, arrays())).splits
    rows = {name: {one.sample.index for one in part} for name, part in splits.items()}
    assert rows["test"] == {0, 5, 10, 15}
    assert rows["train"] | rows["valid"] | rows["test"] == set(range(20))
    assert not {one.group for one in splits["train"]} & {one.group for one in splits["valid"]}


def test_the_same_comes_from_memory(tmp_path):
    here, there = opened(write(tmp_path, arrays())), opened(write("memory://series", arrays()))
    for split in here.splits:
        for a, b in zip(here.splits[split], there.splits[split], strict=True):
            assert all(np.array_equal(a.sample.arrays[n], b.sample.arrays[n]) for n in a.sample.arrays)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("s1_s2_era5_srtm", np.zeros((20, 11, 18)), r"found shape \(20, 11, 18\), expected \(20, 12, 18\)"),
        ("month", np.full((20, 12), 12), "months run from 0 to 11, found 12 to 12"),
        ("latlon", None, "there is no such file"),
        ("target", np.array([{"a": 1}] * 20, dtype=object), "cannot be read as an array of numbers"),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path, name, array, message):
    place = write(tmp_path, arrays())
    (tmp_path / f"{name}.npy").unlink()
    if array is not None:
        np.save(tmp_path / f"{name}.npy", array, allow_pickle=array.dtype == object)
    with pytest.raises(DataError, match=message) as caught:
        opened(place)
    assert f"{name}.npy" in str(caught.value)


def test_wrong_arguments_and_no_folder_are_said(monkeypatch):
    with pytest.raises(ConfigError, match="there is no landsat"):
        pixel_series(input_modalities=["landsat"])
    monkeypatch.delenv("PIXEL_SERIES_DIR", raising=False)
    with pytest.raises(DataError, match="PIXEL_SERIES_DIR"):
        opened(None)


@pytest.mark.skipif(not REAL.is_dir(), reason="no pixel series (OLMOEARTH_SAMPLES)")
def test_the_real_pixels_are_all_there():
    found = opened(str(REAL))
    assert {name: len(part) for name, part in found.splits.items()}["test"] == 345
    assert sum(map(len, found.splits.values())) == 1122
    labels = [int(one.label) for part in found.splits.values() for one in part]
    assert np.bincount(labels).tolist() == [246, 260, 494, 116, 6]
    radar = found.splits["train"][0].sample.arrays["sentinel1"]
    assert -60 < radar.min() < radar.max() < 10
