"""The index beside sharded tensors is a pickle: it is looked at before anybody unpickles it."""

import os
import pickle

import pytest
import torch

from olmoearth_core.errors import CheckpointError
from olmoearth_core.train import checkpoint
from olmoearth_core.train.metadata import names_only_tensors


class Payload:
    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


@pytest.fixture
def saved(toy):
    toy.run(steps=3).fit()
    return toy.root / "toy" / "step00000003"


def test_an_index_that_torch_wrote_is_harmless(saved):
    names_only_tensors(saved / "model_and_optim" / ".metadata")
    weights = checkpoint.weights(saved)
    assert weights.shapes()["encoder.0.weight"] == (3, 2)
    assert weights.take("encoder.0.weight").dtype == torch.float32


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_index_with_code_is_refused_and_never_executed(saved, tmp_path, protocol):
    trap = tmp_path / "executed"
    (saved / "model_and_optim" / ".metadata").write_bytes(pickle.dumps({"a": Payload(trap)}, protocol))
    with pytest.raises(CheckpointError, match=r"\.metadata: found code that wants to call \w+\.system; nothing of it"):
        checkpoint.weights(saved)
    assert not trap.exists()


def test_names_that_are_computed_instead_of_written_are_refused(tmp_path):
    stack_global = b"\x80\x04\x8c\x05posix\x8c\x06system" + b"\x8c\x01x0" + b"\x93."
    (tmp_path / "index").write_bytes(stack_global)
    with pytest.raises(CheckpointError, match=r"wants to call x\.\?"):
        names_only_tensors(tmp_path / "index")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x80\x04\x93."])
def test_a_damaged_index_is_told(tmp_path, content):
    (tmp_path / "index").write_bytes(content)
    with pytest.raises(CheckpointError, match="index: cannot be read"):
        names_only_tensors(tmp_path / "index")
