"""Two processes over gloo train like one."""

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from olmoearth_core.train.distributed import World

SCRIPT = Path(__file__).with_name("ranks.py")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """What both ranks wrote. One launch serves all tests here."""
    folder = tmp_path_factory.mktemp("ranks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen([sys.executable, str(SCRIPT), str(folder)], env={**shared, "RANK": r, "LOCAL_RANK": r})
        for r in ("0", "1")
    ]
    assert [p.wait(timeout=120) for p in processes] == [0, 0]
    return [torch.load(folder / f"rank{r}.pt", weights_only=True) for r in (0, 1)]


def alone(kit, name):
    spec = importlib.util.spec_from_file_location("train_module_ranks", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script.train(kit, name, World(torch.device("cpu")))


@pytest.mark.parametrize("name", ["galileo", "mae"])
def test_two_ranks_end_with_the_weights_of_one_process(kit, pair, name):
    single = alone(kit, name)
    for rank in pair:
        for key, value in single["weights"].items():
            # Attention does not depend on a key's bias: its gradient is rounding, which Adam blows up to whole steps.
            if not key.endswith("attn.k.bias"):
                torch.testing.assert_close(rank[name]["weights"][key], value, rtol=0, atol=1e-5)
    for step, row in single["metrics"].items():
        for metric, value in row.items():
            expected = pytest.approx(value, rel=1e-4, abs=1e-5, nan_ok=True)
            assert pair[0][name]["metrics"][step][metric] == expected, (step, metric)


@pytest.mark.parametrize("name", ["galileo", "mae"])
def test_nan_in_a_sample_of_one_rank_stops_the_step_of_both(pair, name):
    for rank in pair:
        assert [row["optim/skipped_steps"] for row in rank[name]["metrics"].values()] == [0.0, 1.0, 1.0]
        assert all(bool(value.isfinite().all()) for value in rank[name]["weights"].values())
    assert all(torch.equal(v, pair[1][name]["weights"][key]) for key, v in pair[0][name]["weights"].items())
