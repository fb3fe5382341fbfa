"""Two processes over gloo against one with the joined batch."""

import os
import subprocess
import sys
from pathlib import Path

import torch
from gathering import measure


def test_values_and_gradients_averaged_over_two_processes_are_those_of_the_joined_batch(tmp_path):
    script = Path(__file__).with_name("gathering.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ranks = [subprocess.Popen([sys.executable, script, str(r), tmp_path], env=environment) for r in (0, 1)]
    assert [process.wait(timeout=60) for process in ranks] == [0, 0]
    found = [torch.load(tmp_path / f"{r}.pt") for r in (0, 1)]
    joined = measure(slice(0, 4), False, torch.tensor([1.0, 2.0, 0.5, 1.0], requires_grad=True))
    for first, second, whole in zip(*found, joined, strict=True):
        torch.testing.assert_close((first + second) / 2, whole, rtol=1e-5, atol=1e-6)
