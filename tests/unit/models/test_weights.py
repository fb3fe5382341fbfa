"""Reading weights never runs anything, and never hands out memory that somebody else holds."""

import os
import pickle

import pytest
import torch

from olmoearth_core.errors import CheckpointError
from olmoearth_core.models.weights import open_weights


class Payload:
    """What would create a file if it were unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


@pytest.fixture
def trap(tmp_path):
    return tmp_path / "executed"


def archive(file, payload):
    torch.save({"a": torch.ones(2), "b": payload}, file)


def legacy(file, payload):
    torch.save({"a": torch.ones(2), "b": payload}, file, _use_new_zipfile_serialization=False)


def bare(file, payload):
    file.write_bytes(pickle.dumps({"a": payload}))


@pytest.mark.parametrize("write", [archive, legacy, bare])
@pytest.mark.parametrize("forced", [False, True])
def test_a_malicious_pickle_is_refused_and_never_executed(write, forced, tmp_path, trap, monkeypatch):
    if forced:
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    write(tmp_path / "weights.pth", Payload(trap))
    with pytest.raises(CheckpointError, match=r"weights.pth: found .*; nothing of it was run. Expected a plain state"):
        open_weights(tmp_path / "weights.pth")
    assert not trap.exists()


def test_the_error_names_what_a_malicious_pickle_wanted_to_call(tmp_path, trap):
    archive(tmp_path / "weights.pth", Payload(trap))
    with pytest.raises(CheckpointError, match=r"code that wants to call \w+\.system; nothing of it was run"):
        open_weights(tmp_path / "weights.pth")


@pytest.mark.parametrize("size", [0, 10, 700])
def test_a_truncated_pickle_is_told_by_its_size(tmp_path, size):
    torch.save({"a": torch.ones(300)}, tmp_path / "weights.pth")
    os.truncate(tmp_path / "weights.pth", size)
    with pytest.raises(CheckpointError, match=r"weights.pth: found "):
        open_weights(tmp_path / "weights.pth")


def test_anything_but_a_state_dict_is_refused(tmp_path):
    torch.save({"model": {"a": torch.ones(2)}, "step": 3}, tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match="found a dict with model: dict, step: int, expected a plain state dict"):
        open_weights(tmp_path / "weights.pth")
    torch.save([torch.ones(2)], tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match="found a list"):
        open_weights(tmp_path / "weights.pth")


def test_each_tensor_has_memory_of_its_own(tmp_path):
    whole = torch.arange(6.0)
    torch.save({"a": whole[:2], "b": whole[:2], "c": whole}, tmp_path / "weights.pth")
    weights = open_weights(tmp_path / "weights.pth")
    assert weights.shapes() == {"a": (2,), "b": (2,), "c": (6,)}
    taken = {name: weights.take(name) for name in "abc"}
    taken["a"].fill_(-1)
    assert (taken["b"].tolist(), taken["c"].tolist()) == ([0, 1], [0, 1, 2, 3, 4, 5])
    assert taken["a"].untyped_storage().nbytes() == 8


def test_a_file_may_be_written_over_while_its_tensors_are_in_use(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.arange(5.0)}, tmp_path / "w.safetensors")
    tensor = open_weights(tmp_path / "w.safetensors").take("a")
    os.truncate(tmp_path / "w.safetensors", 0)
    tensor.add_(1)
    assert tensor.tolist() == [1, 2, 3, 4, 5]
