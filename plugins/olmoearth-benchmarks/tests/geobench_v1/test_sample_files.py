"""Sample files of strangers: whatever is in them, they are read or refused by name."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from olmoearth_benchmarks.geobench_v1.sample_file import read_attribute, read_sample
from olmoearth_benchmarks.m_eurosat import m_eurosat
from olmoearth_sentinel2.l2a import sentinel2_l2a

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.evaluation import Context

from .conftest import SENTINEL2


def written(path, attribute, planes=None):
    with h5py.File(path, "w") as file:
        for key, plane in (planes or {}).items():
            file[key] = plane
        file.attrs["pickle"] = attribute
    return str(path)


HOSTILE = [
    "__import__('os').system('touch /tmp/never')", "b'\\x80\\x04N.' + b''", "[b'']", "b'\\x80", "b''''x'''", "(" * 5000,
    "b'\\N{BULLET}'", "b'\\q'", "b'\\101'", "b'\n'", "rb'x'", "b'é'", "'text'", "", "0", " b'N.'",
]  # fmt: skip


@pytest.mark.parametrize("attribute", HOSTILE)
def test_an_attribute_that_is_not_one_bytes_literal_is_never_evaluated(tmp_path, attribute):
    with pytest.raises(DataError, match=r"one: attribute pickle: expected the text of a bytes literal"):
        read_attribute(written(tmp_path / "a.hdf5", attribute), "one")


def test_an_attribute_that_names_a_callable_is_refused_and_nothing_runs(tmp_path, make):
    """Acceptance check 34, second half, through a file."""
    folder = make.dataset("m-eurosat", lambda n: n)
    mark = tmp_path / "ran"
    stream = (
        b"\x80\x02cposix\nsystem\n(X" + len(f"touch {mark}").to_bytes(4, "little") + f"touch {mark}".encode() + b"tR."
    )
    with h5py.File(folder / "id_1.hdf5", "r+") as file:
        file.attrs["pickle"] = repr(stream)
    found = m_eurosat(root=str(make.root)).open([sentinel2_l2a()], context=Context())
    with pytest.raises(DataError, match=r"id_1\.hdf5: attribute pickle: a pickle that refers to 'posix\.system'"):
        found.splits["train"][0]
    (folder / "task_specs.pkl").write_bytes(stream)
    with pytest.raises(DataError, match=r"task_specs\.pkl: a pickle that refers to 'posix\.system'"):
        m_eurosat(root=str(make.root)).open([sentinel2_l2a()], context=Context())
    assert not mark.exists()


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=300))
def test_every_bytes_literal_reaches_the_reader_whole(tmp_path_factory, content):
    stream = b"\x80\x04}\x8c\x01kC" + bytes([min(len(content), 255)]) + content[:255] + b"s."
    path = written(tmp_path_factory.mktemp("x") / "a.hdf5", repr(stream))
    assert read_attribute(path, "one") == {"k": content[:255]}


@pytest.mark.parametrize("attribute", [3, np.arange(4), [b"x", b"y"], np.float64(2)])
def test_an_attribute_that_is_no_text_is_refused(tmp_path, attribute):
    with pytest.raises(DataError, match="attribute pickle"):
        read_attribute(written(tmp_path / "a.hdf5", attribute), "one")


@pytest.mark.parametrize("attribute", [np.bytes_(b"b'\\x80\\x04}.'"), "b'\\x80\\x04}.'", 'b"\\x80\\x04}."'])
def test_text_of_every_sort_is_read(tmp_path, attribute):
    assert read_attribute(written(tmp_path / "a.hdf5", attribute), "one") == {}


def test_a_file_without_the_attribute_has_no_facts(tmp_path):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["x"] = 1
    assert read_attribute(str(tmp_path / "a.hdf5"), "one") == {}


GOOD = "b'\\x80\\x04}\\x8c\\x05labelK\\x01s.'"


@pytest.mark.parametrize(("planes", "message"), [
    ({}, "none of the bands"),
    ({"02 - Blue": np.zeros((2, 2, 2))}, r"02 - Blue is \[2, 2, 2\]"),
    ({"02 - Blue": np.zeros((2, 2)), "03 - Green": np.zeros((4, 4))}, r"arrays of 2 sizes \[\(2, 2\), \(4, 4\)\]"),
    ({"02 - Blue_2018-01-01": np.zeros((2, 2)), "02 - Blue_2019-01-01": np.zeros((2, 2))}, "expected one date"),
    ({"02 - Blue": np.zeros((5000, 1), np.int8)}, "at most 4096 each"),
])  # fmt: skip
def test_arrays_that_are_no_bands_of_one_image_are_refused(tmp_path, planes, message):
    path = written(tmp_path / "a.hdf5", GOOD, planes)
    with pytest.raises(DataError, match=message):
        read_sample(path, SENTINEL2, dense=False, name="one")


def test_a_map_of_classes_needs_exactly_one_label(tmp_path):
    path = written(tmp_path / "a.hdf5", GOOD, {"02 - Blue": np.zeros((2, 2))})
    with pytest.raises(DataError, match="0 arrays named label, expected one"):
        read_sample(path, SENTINEL2, dense=True, name="one")


def test_a_band_that_only_one_sample_lacks_is_named(make):
    folder = make.dataset("m-eurosat", lambda n: n)
    make.sample(folder, "id_1", {band: np.ones((8, 8), np.int16) for band in SENTINEL2[:5]}, 1)
    found = m_eurosat(root=str(make.root)).open([sentinel2_l2a()], context=Context())
    with pytest.raises(DataError, match="id_1: no band '06 - Vegetation Red Edge'"):
        found.splits["train"][0]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("x") / "a.hdf5"
    written(path, GOOD, {band: np.full((4, 4), 7, np.int16) for band in SENTINEL2})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))]))
    try:
        found = read_sample(str(path), SENTINEL2, dense=False, name="one")
    except DataError:
        return
    assert found.planes
