"""Tensor files of strangers are data, whatever is in them."""

import json
import os

import numpy as np
import pytest
import torch
from olmoearth_benchmarks.dense import tensor_file
from olmoearth_benchmarks.dense.label_fraction import checked_fraction, chosen_rows
from olmoearth_benchmarks.dense.published_files import Folder
from olmoearth_benchmarks.dense.whole_file import Stack, write_tensors

from olmoearth_core.errors import ConfigError, DataError


class Evil:
    """Unpickled by a general reader, it makes a file."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (self.place,)


def load(path):
    return tensor_file.load(str(path), tensor_file.local_copies())


def test_a_file_that_names_a_function_is_refused_and_nothing_is_run(tmp_path):
    torch.save({"images": torch.zeros(2), "labels": Evil(str(tmp_path / "harm"))}, tmp_path / "evil.pt")
    with pytest.raises(DataError, match=r"evil.pt: holds something else than tensors"):
        load(tmp_path / "evil.pt")
    assert not (tmp_path / "harm").exists()


def test_an_old_pickle_that_names_a_function_is_refused_and_nothing_is_run(tmp_path):
    torch.save(Evil(str(tmp_path / "harm")), tmp_path / "evil.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(DataError, match=r"evil.pt"):
        load(tmp_path / "evil.pt")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("keep", [0, 10, 300, 700])
def test_a_torn_file_is_refused_by_name(tmp_path, keep):
    torch.save(torch.zeros(100), tmp_path / "whole.pt")
    (tmp_path / "torn.pt").write_bytes((tmp_path / "whole.pt").read_bytes()[:keep])
    with pytest.raises(DataError, match=r"torn.pt: is not a whole tensor file"):
        load(tmp_path / "torn.pt")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none.pt: there is no such file"):
        load(tmp_path / "none.pt")


@pytest.mark.parametrize(
    "value",
    [
        torch.zeros(1).expand(10**12), torch.zeros(3).to_sparse(), torch.zeros(3, device="meta"), "text", None,
        torch.zeros(3, dtype=torch.complex64), torch.zeros(3, dtype=torch.bool), torch.nn.Parameter(torch.zeros(3)),
    ],
)  # fmt: skip
def test_only_plain_tensors_of_numbers_that_are_there_count(value):
    with pytest.raises(DataError, match="here: "):
        tensor_file.tensor(value, "here", (None,))


def test_a_tensor_that_was_saved_turned_round_is_read():
    turned = torch.arange(6).reshape(2, 3).T
    assert tensor_file.tensor(turned, "here", (3, 2)).tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize("value", [-2.0, 3.0, 0.5, float("nan"), float("inf")])
def test_labels_are_whole_numbers_in_range(value):
    with pytest.raises(DataError, match=r"f.pt: labels"):
        tensor_file.check_labels(torch.tensor([[0.0], [value], [2.0]]), "f.pt", 3)
    tensor_file.check_labels(torch.tensor([[-1.0], [0.0], [2.0]]), "f.pt", 3)


def test_a_stack_is_what_was_added_and_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    with Stack((2, 3), "float32") as stack:
        for number in range(4):
            stack.add(np.full((2, 3), number))
        write_tensors(str(tmp_path / "out" / "x.pt"), stack.tensor())
    assert load(tmp_path / "out" / "x.pt")[:, 1, 2].tolist() == [0, 1, 2, 3]
    assert list((tmp_path / "scratch").iterdir()) == []
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["x.pt"]


def test_a_label_fraction_without_a_published_list_is_refused():
    """Acceptance check 30."""
    with pytest.raises(ConfigError, match=r"label_fraction is 0\.3, expected one of 0\.01"):
        checked_fraction(0.3, "mados")


def test_the_list_of_a_fraction_gives_rows_in_its_order(tmp_path):
    (tmp_path / "0.10x_train_partition.json").write_text("[7, 2]")
    assert chosen_rows(str(tmp_path), 0.1, 8).tolist() == [7, 2]
    assert chosen_rows("/nowhere", 1.0, 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize("content", [[], [8], [-1], [1, 1], [True], ["1"], {"train": [1]}, [1.0]])
def test_a_list_that_names_no_rows_is_refused(tmp_path, content):
    (tmp_path / "0.50x_train_partition.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"0.50x_train_partition.json"):
        chosen_rows(str(tmp_path), 0.5, 8)


def test_arrays_of_objects_in_an_archive_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.array([Evil(str(tmp_path / "harm"))], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"x.npy: it holds object"):
        Folder(str(tmp_path)).numbers("x.npy")
    assert not (tmp_path / "harm").exists()


def test_files_with_wrong_bytes_are_read_or_refused_by_name(tmp_path):
    torch.save({"s2": torch.zeros(12, 8, 8, dtype=torch.int32), "names": ["a"]}, tmp_path / "whole.pt")
    whole = np.frombuffer((tmp_path / "whole.pt").read_bytes(), np.uint8)
    draws, start = np.random.default_rng(0), whole.tobytes().index(b"data.pkl")
    refused = 0
    for _ in range(300):
        torn = whole.copy()
        torn[draws.integers(start, start + 500, 3)] = draws.integers(0, 256, 3)
        (tmp_path / "torn.pt").write_bytes(torn.tobytes())
        try:
            table = tensor_file.table(load(tmp_path / "torn.pt"), "torn.pt", ("s2",))
            tensor_file.tensor(table["s2"], "torn.pt", (12, 8, 8)).numpy().sum()
        except DataError as error:
            refused += "torn.pt" in str(error)
    assert 100 < refused < 300
