"""Acceptance check 22 of the data chapter; what a data set's folder is named and holds."""

import hashlib

import numpy as np
import pytest

from olmoearth_core.data.folder import Folder, find
from olmoearth_core.errors import DataError


def test_the_fingerprint_is_the_references():
    folder = Folder("/data/tiles/x_128_x_4/sentinel1_sentinel2_l2a_worldcover/4", 4)
    expected = "479c150d6ca101858480e6e1839450b63f7716bb07aa9cea85d4ca39c055d035"
    assert folder.fingerprint(np.float32, None) == expected
    assert folder.fingerprint(np.float32, "keep.npy") != expected


def test_only_some_names_of_several_words_are_put_together_in_the_fingerprint():
    folder = Folder("/t/x/era5_10_naip_10_openstreetmap_raster_wri_canopy_height_map_required_srtm/2", 2)
    tokens = ["10", "canopy", "era5", "height", "latlon", "map", "naip_10", "openstreetmap_raster", "required",
              "srtm", "wri"]  # fmt: skip
    text = f"tile_path=/t,supported_modalities={tokens},sample_size=2,dtype=<class 'numpy.float16'>"
    assert folder.fingerprint(np.float16, None) == hashlib.sha256(text.encode()).hexdigest()
    filtered = hashlib.sha256(f"{text},filter_idx_file=/k/keep.npy".encode()).hexdigest()
    assert folder.fingerprint(np.float16, "/k/keep.npy") == filtered


def test_a_folder_above_will_do(make_set, tmp_path):
    folder = make_set(2)
    assert find(str(tmp_path)) == find(str(folder)) == Folder(str(folder), 2)


def test_a_trailing_slash_changes_nothing(make_set):
    folder = make_set(1)
    assert find(f"{folder}/").url == str(folder)


def test_several_data_sets_below_are_listed(make_set, tmp_path):
    make_set(1, root="a")
    make_set(2, root="b")
    with pytest.raises(DataError, match=r"2 data sets lie below; name one of\n.*a.*/1\n.*b.*/2"):
        find(str(tmp_path))


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(DataError, match="nowhere: there is no such folder"):
        find(str(tmp_path / "nowhere"))


def test_an_empty_folder_is_not_a_data_set(tmp_path):
    with pytest.raises(DataError, match=r"not a data set. Expected sample_metadata.csv"):
        find(str(tmp_path))


def test_a_folder_not_named_after_a_number_is_refused(make_set):
    folder = make_set(1)
    with pytest.raises(DataError, match="named after its number of samples"):
        find(str(folder.rename(folder.with_name("samples"))))


def test_a_table_with_too_few_rows_is_refused(make_set):
    folder = make_set(2)
    with pytest.raises(DataError, match=r"found 2 rows .* expected 3 rows"):
        find(str(folder.rename(folder.with_name("3")))).columns()


def test_the_tile_size_is_in_the_name():
    assert Folder("/d/h5py_data_w_missing_timesteps_zstd_3_128_x_4/a/7", 7).tile_size == 128
    assert Folder("/d/mine/a/7", 7).tile_size is None
