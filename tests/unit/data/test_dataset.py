"""Acceptance checks 15, 18, 21, 26, 27, 36 and 41 of the data chapter; what is absent, and bad files."""

import pickle
from dataclasses import replace

import h5py
import numpy as np
import pytest

from olmoearth_core import lookup
from olmoearth_core.data.dataset import Crop, OlmoEarthDataset, h5
from olmoearth_core.data.make import legacy_pick
from olmoearth_core.data.normalize import Normalizer
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics


def opened(folder, modalities, **options) -> OlmoEarthDataset:
    dataset = OlmoEarthDataset(str(folder), modalities, **options)
    dataset.prepare()
    return dataset


def whole(dataset: OlmoEarthDataset, steps: int, index: int = 0):
    extent = dataset.extent(index)
    return dataset.window(
        index, top=0, left=0, height=extent.height, width=extent.width, start_step=0, steps=steps
    )  # fmt: skip


def test_constructing_touches_no_disk():
    dataset = OlmoEarthDataset(h5py_dir="/nowhere/at/all", training_modalities=["SENTINEL2_L2A", "SENTINEL1"])
    assert [spec.name for spec in dataset.specs] == ["sentinel2_l2a", "sentinel1"]


def test_asking_before_prepare_says_what_to_do(make_set):
    with pytest.raises(DataError, match="Call prepare"):
        len(OlmoEarthDataset(str(make_set()), ["sentinel2_l2a"]))


def test_shapes_of_a_crop_are_the_documented_ones(make_set):
    names = ["sentinel2_l2a", "sentinel1", "worldcover", "openstreetmap_raster"]
    folder = make_set(modalities=names, size=128)
    sample = opened(folder, names).sample(0, Crop(patch_size=4, patches=8, steps=8))
    shapes = {name: array.shape for name, array in sample.arrays.items()}
    assert list(shapes.values()) == [(32, 32, 8, 12), (32, 32, 8, 2), (32, 32, 1, 1), (32, 32, 1, 30)]
    assert (sample.timestamps.shape, sample.timestamps.dtype) == ((8, 3), np.int32)
    assert {a.dtype for a in sample.arrays.values()} == {np.dtype(np.float32)}


def test_a_crop_holds_the_normalised_pixels_of_its_place(make_set):
    folder = make_set(size=32)
    dataset = opened(folder, ["sentinel2_l2a"])
    picks = {"start": 2, "top": 5, "left": 9}
    sample = dataset.sample(0, Crop(4, 3, 6, lambda purpose, n: picks[purpose]))
    with h5py.File(folder / "sample_0.h5") as file:
        stored = file["sentinel2_l2a"][5:17, 9:21, 2:8]
    expected = Normalizer(dataset.specs)("sentinel2_l2a", stored)
    np.testing.assert_array_equal(sample.arrays["sentinel2_l2a"], expected)
    assert sample.timestamps[0].tolist() == [1, 2, 2020]


def test_an_absent_modality_is_zero_with_presence_beside_it(make_set):
    sample = whole(opened(make_set(), ["sentinel2_l2a", "srtm", "era5_10"]), steps=12)
    assert sample.arrays["srtm"].shape == (16, 16, 1, 1)
    assert sample.arrays["era5_10"].shape == (12, 6)
    for name in ("srtm", "era5_10"):
        assert not sample.arrays[name].any()
        assert sample.presence[name].size == 1
        assert not sample.presence[name].any()


def test_steps_that_a_modality_lacks_are_absent_and_the_others_in_place(make_one):
    stored = np.arange(1, 11, dtype=np.float32).reshape(1, 1, 10, 1) * np.ones((8, 8, 1, 2), np.float32)
    folder = make_one({"sentinel1": stored}, {"sentinel1": [True, False, True]}, steps=3)
    sample = whole(opened(folder, ["sentinel1"], normalize=False), steps=5)
    assert sample.arrays["sentinel1"][0, 0, :, 0].tolist() == [1, 0, 2, 0, 0]
    assert sample.presence["sentinel1"].ravel().tolist() == [True, False, True, False, False]
    assert sample.timestamps[:, 1].tolist() == [0, 1, 2, 2, 2]


def test_a_time_series_keeps_step_with_the_timestamps(make_one):
    series = np.arange(12, dtype=np.float32)[:, None] * np.ones((1, 6), np.float32)
    radar = np.ones((8, 8, 9, 2), np.float32)
    mask = [False] * 3 + [True] * 9
    folder = make_one({"sentinel1": radar, "era5_10": series}, {"sentinel1": mask}, steps=12)
    sample = whole(opened(folder, ["sentinel1", "era5_10"], normalize=False), steps=4)
    assert sample.timestamps[:, 1].tolist() == [3, 4, 5, 6]
    assert sample.arrays["era5_10"][:, 0].tolist() == [3, 4, 5, 6]


def test_a_time_series_that_is_too_short_ends_early(make_one):
    arrays = {"sentinel1": np.ones((8, 8, 4, 2), np.float32), "era5_10": np.ones((3, 6), np.float32)}
    folder = make_one(arrays, {"sentinel1": [True] * 4}, steps=4)
    sample = whole(opened(folder, ["sentinel1", "era5_10"]), steps=4)
    assert sample.presence["era5_10"].ravel().tolist() == [True, True, True, False]


def test_a_sample_of_fourteen_steps_is_read_in_windows(make_set):
    dataset = opened(make_set(steps=14), ["sentinel2_l2a"])
    late = dataset.sample(0, Crop(4, 2, 12, lambda purpose, n: n - 1))
    assert dataset.extent(0).steps == 14
    assert late.timestamps[-1].tolist() == [1, 1, 2021]


def test_a_file_without_masks_is_read(make_one):
    folder = make_one({"sentinel1": np.ones((8, 8, 6, 2), np.float32)}, None, steps=6)
    sample = opened(folder, ["sentinel1"]).sample(0, Crop(4, 2, 3))
    assert sample.presence["sentinel1"].all()


def test_missing_pixels_and_numbers_that_are_none_are_absent(make_one):
    stored = np.full((8, 8, 2, 2), 3.0, np.float32)
    stored[0, 0, 0, 0], stored[1, 1, 1, 1], stored[2, 2, 0, 1] = -99999, np.nan, np.inf
    folder = make_one({"sentinel1": stored}, {"sentinel1": [True, True]}, steps=2)
    sample = whole(opened(folder, ["sentinel1"]), steps=2)
    absent = np.argwhere(~sample.presence["sentinel1"]).tolist()
    assert absent == [[0, 0, 0, 0], [1, 1, 1, 1], [2, 2, 0, 1]]
    assert all(sample.arrays["sentinel1"][tuple(place)] == 0 for place in absent)
    assert np.isfinite(sample.arrays["sentinel1"]).all()


def test_a_band_missing_everywhere_costs_one_flag_per_band(make_one):
    stored = np.full((8, 8, 2, 12), 300, np.int32)
    stored[..., 9] = -99999
    folder = make_one({"sentinel2_l2a": stored}, {"sentinel2_l2a": [True, True]}, steps=2)
    presence = whole(opened(folder, ["sentinel2_l2a"]), steps=2).presence["sentinel2_l2a"]
    assert (presence.shape, np.flatnonzero(~presence).tolist()) == ((1, 1, 1, 12), [9])


def test_float16_holds_absent_data(make_set):
    sample = whole(opened(make_set(), ["sentinel2_l2a", "srtm"], dtype="float16"), steps=12)
    assert {a.dtype for a in sample.arrays.values()} == {np.dtype(np.float16)}
    assert not sample.arrays["srtm"].any()


def test_pixels_finer_than_the_grid_cover_the_same_ground(make_one):
    rows = np.repeat(np.arange(8), 4)
    fine = (rows[:, None] * 10 + rows[None, :])[:, :, None, None] * np.ones((1, 1, 1, 4), np.uint16)
    coarse = (np.arange(8)[:, None] * 10 + np.arange(8)[None, :])[:, :, None, None] * np.ones((1, 1, 2, 2), np.float32)
    arrays = {"sentinel1": coarse.astype(np.float32), "naip_10": fine.astype(np.uint16)}
    folder = make_one(arrays, {"sentinel1": [True, True]}, steps=2)
    dataset = opened(folder, ["sentinel1", "naip_10"], normalize=False)
    sample = dataset.window(0, top=2, left=3, height=4, width=4, start_step=0, steps=1)
    np.testing.assert_array_equal(sample.arrays["naip_10"][::4, ::4, 0, 0], sample.arrays["sentinel1"][:, :, 0, 0])


def test_a_derived_modality_is_computed_from_a_source_that_is_not_trained(make_one):
    codes = np.array([[10, 95], [100, 0]], np.uint8).repeat(4, 0).repeat(4, 1)[:, :, None, None]
    arrays = {"sentinel1": np.ones((8, 8, 1, 2), np.float32), "worldcover": codes}
    dataset = opened(make_one(arrays, {"sentinel1": [True]}, steps=1), ["sentinel1", "worldcover_onehot"])
    onehot = whole(dataset, steps=1).arrays["worldcover_onehot"]
    assert [onehot[r, c, 0].nonzero()[0].tolist() for r, c in ((0, 0), (0, 7), (7, 0), (7, 7))] == [[0], [9], [10], []]


def test_only_the_missing_value_is_missing_in_a_map_of_codes(make_one):
    codes = np.full((8, 8, 1, 1), 40, np.int32)
    codes[0, :3, 0, 0] = 0, 255, -99999
    arrays = {"sentinel1": np.ones((8, 8, 1, 2), np.float32), "worldcover": codes}
    names = ["sentinel1", "worldcover", "worldcover_onehot"]
    sample = whole(opened(make_one(arrays, {"sentinel1": [True]}, steps=1), names), steps=1)
    assert np.argwhere(~sample.presence["worldcover"]).tolist() == [[0, 2, 0, 0]]
    there = np.broadcast_to(sample.presence["worldcover_onehot"], (8, 8, 1, 11))
    assert np.argwhere(~there).tolist() == [[0, 2, 0, channel] for channel in range(11)]
    onehot = sample.arrays["worldcover_onehot"]
    assert onehot[0, :3].any() == np.False_
    assert onehot.sum() == 61
    normal = Normalizer(lookup.modalities(["worldcover"]))("worldcover", np.array([[0], [255]], np.float32))
    assert sample.arrays["worldcover"][0, :3, 0, 0].tolist() == [*normal.ravel().tolist(), 0]


def test_codes_as_bytes_are_all_there(make_one):
    codes = np.array([0, 255], np.uint8).repeat(32).reshape(8, 8, 1, 1)
    arrays = {"sentinel1": np.ones((8, 8, 1, 2), np.float32), "worldcover": codes}
    sample = whole(opened(make_one(arrays, {"sentinel1": [True]}, steps=1), ["sentinel1", "worldcover"]), steps=1)
    assert sample.presence["worldcover"].all()
    assert len(np.unique(sample.arrays["worldcover"])) == 2


def test_a_derived_series_has_the_gaps_of_its_source(make_one):
    stored = np.full((8, 8, 2, 12), 100, np.uint16)
    stored[..., 3] = 300
    folder = make_one({"sentinel2_l2a": stored}, {"sentinel2_l2a": [True, False, True]}, steps=3)
    sample = whole(opened(folder, ["ndvi"], normalize=False), steps=3)
    assert sample.arrays["ndvi"][0, 0, :, 0].tolist() == [0.5, 0, 0.5]
    assert sample.presence["ndvi"].ravel().tolist() == [True, False, True]


def test_a_modality_nobody_has_heard_of_is_read(make_one):
    ash = ModalitySpec(
        name="volcanic_ash", band_sets=(BandSet(("so2", "depth"), 16),), grid_factor=16, multitemporal=True,
        statistics={band: Statistics(mean=10.0, std=5.0) for band in ("so2", "depth")},
    )  # fmt: skip
    folder = make_one({"volcanic_ash": np.full((8, 8, 2, 2), 20, np.uint8)}, {"volcanic_ash": [True, True]}, steps=2)
    sample = whole(opened(folder, [ash]), steps=2)
    np.testing.assert_allclose(sample.arrays["volcanic_ash"], 1.0)


def test_reference_draws_give_the_documented_crop(make_set):
    asked = []
    folder = make_set(size=128)
    pick = legacy_pick(np.random.RandomState(0))

    def recorded(purpose: str, n: int) -> int:
        asked.append((purpose, pick(purpose, n)))
        return asked[-1][1]

    opened(folder, ["sentinel2_l2a"]).sample(0, Crop(4, 8, 5, recorded))
    assert asked == [("start", 4), ("top", 47), ("left", 64)]


def test_a_share_of_the_samples_is_chosen_by_seed(make_set):
    folder = make_set(20, size=8, steps=1)
    half = opened(folder, ["sentinel2_l2a"], dataset_percentage=0.5, seed=42)
    assert half.indices.tolist() == [1, 9, 0, 8, 6, 14, 12, 19, 3, 13]
    assert half.latlons[:2, 0].tolist() == [46.0, 54.0]
    assert len(opened(folder, ["sentinel2_l2a"], dataset_percentage=0.7, seed=42)) == 14


def test_samples_without_a_training_modality_are_left_out(make_set):
    folder = make_set(3, modalities=["sentinel2_l2a", "sentinel1"], size=8, steps=1)
    table = (folder / "sample_metadata.csv").read_text().replace("1,1,1", "1,1,0")
    (folder / "sample_metadata.csv").write_text(table)
    assert opened(folder, ["sentinel1"]).indices.tolist() == [0, 2]


def test_a_filter_file_keeps_the_samples_it_names(make_set, tmp_path):
    np.save(tmp_path / "keep.npy", np.array([2, 0, 99]))
    dataset = opened(make_set(3, size=8), ["worldcover"], filter_idx_file=str(tmp_path / "keep.npy"))
    assert dataset.indices.tolist() == [0, 2]


def test_nothing_left_is_an_error(make_set, tmp_path):
    np.save(tmp_path / "keep.npy", np.array([99]))
    with pytest.raises(DataError, match="none of its 1 samples is left"):
        opened(make_set(), ["sentinel2_l2a"], filter_idx_file=str(tmp_path / "keep.npy"))


def test_a_modality_that_the_data_set_was_not_made_from_is_named(make_set):
    with pytest.raises(DataError, match=r"no column for sentinel1. This data set was made from sentinel2_l2a"):
        opened(make_set(), ["sentinel2_l2a", "sentinel1"])


def test_a_truncated_file_is_named(make_set):
    folder = make_set()
    path = folder / "sample_0.h5"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"sample_0\.h5: cannot be read as HDF5"):
        whole(opened(folder, ["sentinel2_l2a"]), steps=1)


def test_damaged_pixels_are_noticed(make_set):
    folder = make_set()
    path = folder / "sample_0.h5"
    with h5py.File(path) as file:
        chunk = file["sentinel2_l2a"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + 64] = bytes(64)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"sample_0\.h5: sentinel2_l2a: cannot be read"):
        whole(opened(folder, ["sentinel2_l2a"]), steps=1)


def test_arrays_that_do_not_fit_each_other_are_named(make_one):
    arrays = {"sentinel1": np.ones((8, 8, 1, 2), np.float32), "srtm": np.ones((8, 9, 1, 1), np.int16)}
    folder = make_one(arrays, {"sentinel1": [True]}, steps=1)
    with pytest.raises(DataError, match=r"srtm has shape \(8, 9, 1, 1\), expected \(8, 8, 1, 1\)"):
        whole(opened(folder, ["sentinel1", "srtm"]), steps=1)


def test_a_crop_larger_than_the_sample_is_refused(make_set):
    with pytest.raises(DataError, match="16 x 16 pixels, smaller than a crop of 5 patches of 4 pixels"):
        opened(make_set(), ["sentinel2_l2a"]).sample(0, Crop(4, 5, 1))


def test_a_sample_without_any_spatial_modality_is_an_error(make_set):
    folder = make_set(modalities=["sentinel2_l2a"])
    with pytest.raises(DataError, match="none of the spatial training modalities is in this sample"):
        opened(folder, ["worldcover"]).sample(0, Crop(4, 1, 1))


def test_training_modalities_without_a_spatial_one_are_refused():
    with pytest.raises(ConfigError, match="no spatial modality"):
        OlmoEarthDataset("/d", ["era5_10"])


def test_a_missing_statistic_shows_before_any_sample_is_read(make_set):
    (spec,) = lookup.modalities(["sentinel2_l2a"])
    with pytest.raises(DataError, match="sentinel2_l2a: no mean for B02"):
        opened(make_set(), [replace(spec, statistics={})])


def test_a_data_set_behind_a_url_is_read_through_the_cache(make_set, tmp_path):
    import fsspec

    folder = make_set(2, size=8, steps=2)
    remote = fsspec.filesystem("memory")
    remote.put(str(folder.parents[1]), "/bucket/", recursive=True)
    dataset = opened("memory://bucket", ["sentinel2_l2a"], cache_dir=str(tmp_path / "cache"))
    here = opened(folder, ["sentinel2_l2a"])
    np.testing.assert_array_equal(
        whole(dataset, steps=2).arrays["sentinel2_l2a"], whole(here, steps=2).arrays["sentinel2_l2a"]
    )
    assert len(list((tmp_path / "cache").rglob("*.h5"))) == 1


def test_a_data_set_survives_the_way_to_a_worker(make_set):
    dataset = opened(make_set(modalities=["sentinel2_l2a", "worldcover"]), ["sentinel2_l2a", "worldcover_onehot"])
    copy = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(
        whole(copy, steps=2).arrays["worldcover_onehot"], whole(dataset, steps=2).arrays["worldcover_onehot"]
    )


def test_the_component_builds_the_same_data_set(make_set):
    folder = str(make_set())
    dataset = h5(h5py_dir=folder, training_modalities=["sentinel2_l2a"])
    dataset.prepare()
    assert dataset.fingerprint() == opened(folder, ["sentinel2_l2a"]).fingerprint()
