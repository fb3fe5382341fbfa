"""Acceptance checks 9, 11, 13 and the writing half of 38; keys, types and layout of one sample file."""

from __future__ import annotations

import hashlib

import h5py
import hdf5plugin  # noqa: F401  registers the compression filters
import numpy as np
import pytest

from olmoearth_core.convert.h5_writer import MASKS, Storage, stored, write_sample
from olmoearth_core.convert.samples import presence
from olmoearth_core.errors import DataError

STAMPS = np.array([[1, m, 2020] for m in range(12)])
LATLON = np.array([45.5, -124.0])


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "optical": rng.integers(0, 9000, (64, 64, 10, 12)).astype(np.uint16),
        "fine": rng.integers(0, 255, (256, 256, 1, 4)).astype(np.uint8),
        "weather": rng.random((12, 6)).astype(np.float32),
    }


def mask() -> dict[str, np.ndarray]:
    return {"optical": np.arange(12) < 10}


def filters(dataset: h5py.Dataset) -> list[tuple[int, tuple[int, ...]]]:
    plist = dataset.id.get_create_plist()
    return [(f[0], tuple(f[2])) for f in (plist.get_filter(i) for i in range(plist.get_nfilters()))]


def test_power_becomes_decibel_with_a_floor():
    decibel = stored(np.array([0, 0.5, 1, 10], np.float32), "power_to_db")
    np.testing.assert_allclose(decibel, [-100, -3.0103, 0, 10], rtol=1e-6)
    assert decibel.dtype == np.float32


def test_missing_power_stays_missing():
    assert stored(np.array([-99999, 1], np.float32), "power_to_db").tolist() == [-99999, 0]


def test_a_mask_says_which_rows_a_modality_has():
    rows = np.array([[1, 0, 2020], [1, 1, 2020], [1, 2, 2020]])
    assert presence(rows, rows[:2]).tolist() == [True, True, False]
    assert presence(rows, np.array([[1, 1, 2021]])).tolist() == [False, False, False]


@pytest.mark.parametrize("layout", ["windows", "reference"])
def test_keys_types_and_shapes_are_those_of_the_format(tmp_path, layout):
    write_sample(tmp_path / "s.h5", arrays(), STAMPS, LATLON, mask(), storage=Storage(layout=layout))
    with h5py.File(tmp_path / "s.h5") as file:
        assert set(file) == {"latlon", "timestamps", "optical", "fine", "weather", MASKS}
        found = {n: (file[n].dtype, file[n].shape) for n in ("latlon", "timestamps", "optical", "weather")}
        assert found == {
            "latlon": (np.float32, (2,)), "timestamps": (np.int32, (12, 3)),
            "optical": (np.uint16, (64, 64, 10, 12)), "weather": (np.float32, (12, 6)),
        }  # fmt: skip
        assert (file[MASKS]["optical"].dtype, file[MASKS]["optical"].shape) == (bool, (12,))
        assert not [thing for thing in (file, *file.values(), *file[MASKS].values()) if len(thing.attrs)]
        for name, array in arrays().items():
            np.testing.assert_array_equal(file[name], array)


def test_the_reference_layout_is_one_chunk_per_array_with_zstd_3_and_bare_masks(tmp_path):
    write_sample(tmp_path / "s.h5", arrays(), STAMPS, LATLON, mask(), storage=Storage(layout="reference"))
    with h5py.File(tmp_path / "s.h5") as file:
        for name in ("latlon", "timestamps", *arrays()):
            assert file[name].chunks == file[name].shape
            assert filters(file[name]) == [(32015, (3,))]
        assert (file[MASKS]["optical"].chunks, filters(file[MASKS]["optical"])) == (None, [])


def test_the_windows_layout_is_cut_so_that_a_crop_touches_few_chunks(tmp_path):
    write_sample(tmp_path / "s.h5", arrays(), STAMPS, LATLON, mask())
    with h5py.File(tmp_path / "s.h5") as file:
        assert file["optical"].chunks == (16, 16, 4, 12)
        assert file["fine"].chunks == (64, 64, 1, 4)
        assert file["weather"].chunks is None


@pytest.mark.parametrize("storage", [Storage("gzip", 3, shuffle=False), Storage("lz4", None), Storage("none", None)])
def test_other_compressions_give_the_same_values(tmp_path, storage):
    write_sample(tmp_path / "s.h5", arrays(), STAMPS, LATLON, mask(), storage=storage)
    with h5py.File(tmp_path / "s.h5") as file:
        np.testing.assert_array_equal(file["optical"], arrays()["optical"])
        assert (file["optical"].chunks is None) == (storage.compression == "none")


@pytest.mark.parametrize(
    ("storage", "expected"),
    [
        (Storage("lz4", None, layout="reference"), [(32004, (0,))]),
        (Storage("gzip", 5, layout="reference"), [(1, (5,))]),
        (Storage("gzip", 5, shuffle=True, layout="reference"), [(2, (2,)), (1, (5,))]),
        (Storage("zstd", 7, shuffle=True, layout="reference"), [(32015, (7,))]),
        (Storage("none", None, shuffle=True, layout="reference", chunks=(2, 3)), []),
    ],
)
def test_the_reference_layout_filters_as_the_format_says(tmp_path, storage, expected):
    write_sample(tmp_path / "s.h5", arrays(), STAMPS, LATLON, mask(), storage=storage)
    with h5py.File(tmp_path / "s.h5") as file:
        assert filters(file["optical"]) == expected
        assert file["optical"].chunks == (file["optical"].shape if expected else None)


@pytest.mark.parametrize(
    ("storage", "suffix"),
    [
        (Storage("zstd", 3), "_zstd_3"),
        (Storage("gzip", 3, shuffle=False), "_gzip_3_shuffle"),
        (Storage("lz4", None), "_lz4"),
        (Storage("none", None), ""),
    ],
)
def test_the_suffix_names_the_compression(storage, suffix):
    assert storage.suffix == suffix


def test_leading_chunk_sizes_are_padded_with_whole_axes(tmp_path):
    storage = Storage(layout="reference", chunks=(2, 3, 1))
    write_sample(tmp_path / "s.h5", arrays(), STAMPS, LATLON, mask(), storage=storage)
    with h5py.File(tmp_path / "s.h5") as file:
        assert [file[n].chunks for n in ("latlon", "timestamps", "optical")] == [(2,), (2, 3), (2, 3, 1, 12)]


@pytest.mark.parametrize("chunks", [(2, 64), (3,)])
def test_chunks_larger_than_any_array_are_refused(tmp_path, chunks):
    storage = Storage(layout="reference", chunks=chunks)
    with pytest.raises(DataError, match="no entry may exceed"):
        write_sample(tmp_path / "s.h5", arrays(), STAMPS, LATLON, mask(), storage=storage)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_compression_is_refused():
    with pytest.raises(DataError, match='compression "lzf" is not known; expected one of none, gzip, zstd, lz4'):
        Storage("lzf")


def test_size_and_hash_are_those_of_the_file(tmp_path):
    size, sha = write_sample(tmp_path / "s.h5", arrays(), STAMPS, LATLON, mask())
    content = (tmp_path / "s.h5").read_bytes()
    assert (size, sha) == (len(content), hashlib.sha256(content).hexdigest())


def test_a_failed_write_leaves_nothing_under_any_name(tmp_path):
    broken = {"optical": np.array([object()])}
    with pytest.raises(TypeError):
        write_sample(tmp_path / "s.h5", broken, STAMPS, LATLON, {})
    assert list(tmp_path.iterdir()) == []


def test_files_open_with_an_old_hdf5(tmp_path):
    write_sample(tmp_path / "s.h5", arrays(), STAMPS, LATLON, mask())
    # Version 0 of the superblock (byte 8) is what HDF5 1.8 and older read.
    assert (tmp_path / "s.h5").read_bytes()[8] == 0
