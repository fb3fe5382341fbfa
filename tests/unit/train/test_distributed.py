"""Two processes over gloo against one, on a toy model."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """What two ranks wrote, and a single process's run beside it. One launch serves all tests here."""
    root = tmp_path_factory.mktemp("ranks")
    sys.path.insert(0, str(Path(__file__).parent))
    from conftest import ToyLoader, toys

    from olmoearth_core.train import assemble

    sys.path.pop(0)
    kept, assemble.open_loader = assemble.open_loader, ToyLoader
    toy = toys(root)
    single = toy.run(name="single", steps=6, whole=8)
    single.fit()
    longer = toy.run(name="longer", steps=9, whole=8, load_path=str(root / "single"))
    longer.fit()
    assemble.open_loader = kept
    launch(root)
    ranks = [json.loads((root / f"rank{r}.json").read_text()) for r in (0, 1)]
    return ranks, single, root, longer


def launch(root):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {
        **os.environ,
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }
    script = str(Path(__file__).with_name("ranks.py"))
    processes = [
        subprocess.Popen([sys.executable, script, str(root)], env={**shared, "RANK": str(r), "LOCAL_RANK": str(r)})
        for r in (0, 1)
    ]
    assert [p.wait(timeout=120) for p in processes] == [0, 0]


def test_two_ranks_end_with_the_weights_of_one_process(pair):
    _, single, root, _ = pair
    there = torch.load(root / "weights0.pt", weights_only=True)
    for name, value in single.trainer.model.state_dict().items():
        torch.testing.assert_close(there[name], value, rtol=0, atol=1e-6)


def test_both_ranks_hold_the_same_weights_to_the_bit(pair):
    _, _, root, _ = pair
    first, second = (torch.load(root / f"weights{r}.pt", weights_only=True) for r in (0, 1))
    assert all(torch.equal(first[k], second[k]) for k in first)


def test_two_ranks_train_on_the_same_micro_batches_as_one(pair):
    ranks, single, _, _ = pair
    alone = {(step, positions) for step, positions in single.parts.train_module.seen}
    together = {(step, tuple(positions)) for rank in ranks for step, positions in rank["both"]["seen"]}
    assert together == alone


def test_metrics_are_equal_on_all_ranks(pair):
    ranks, _, _, _ = pair
    assert ranks[0]["both"]["losses"] == ranks[1]["both"]["losses"]
    assert len(ranks[0]["both"]["losses"]) == 6


def test_a_run_of_one_process_goes_on_at_two_with_the_same_data(pair):
    ranks, _, _, longer = pair
    alone = {(step, positions) for step, positions in longer.parts.train_module.seen}
    assert {(s, tuple(p)) for rank in ranks for s, p in rank["resumed"]["seen"]} == alone
    assert ranks[0]["resumed"]["step"] == 9


def test_a_loss_that_is_not_finite_on_one_rank_is_skipped_on_all(pair):
    ranks, _, _, _ = pair
    assert [rank["poisoned"]["skipped"] for rank in ranks] == [1, 1]
    assert [rank["finite"] for rank in ranks] == [True, True]
    assert [rank["poisoned"]["step"] for rank in ranks] == [4, 4]


def test_a_signal_to_one_rank_stops_all_at_the_same_step_with_a_checkpoint(pair):
    ranks, _, root, _ = pair
    assert [(r["signal"]["outcome"], r["signal"]["code"]) for r in ranks] == [("stopped", 143)] * 2
    assert ranks[0]["signal"]["step"] == ranks[1]["signal"]["step"] == 2
    assert (root / "signal" / "step00000002" / "COMMIT.json").is_file()


def test_a_folder_that_rank_0_cannot_write_ends_all_ranks(pair):
    ranks, _, _, _ = pair
    assert ranks[0]["blocked"] == "TrainingError"
    assert "blocked" in ranks[1]
