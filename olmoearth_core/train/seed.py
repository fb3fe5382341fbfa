"""Which random numbers a run uses, as pure functions of what is being done.

Nothing is saved or restored on resume: weights are drawn from the run's seed, and before every forward the
device generators are set from (seed, step, global micro-batch, view), never from the rank.
"""

from __future__ import annotations

import torch

from olmoearth_core.data.random import key_of


def seed_weights(seed: int) -> None:
    """Prepare the draw of initial weights; equal on all ranks."""
    torch.manual_seed(seed)


def seed_forward(seed: int, step: int, micro_batch: int, view: int) -> None:
    """Prepare dropout and its like for one forward.

    Args:
        seed: the run's seed.
        step: step of the run, the first is 1.
        micro_batch: number of the micro-batch within the global batch, equal at any number of ranks.
        view: which masked view.
    """
    torch.manual_seed(key_of("forward", seed, step, micro_batch, view))
