"""In which order samples are visited: one global order per epoch, dealt to ranks by columns.

The order is a function of (number of samples, global batch size, seed, epoch, repeats) alone and lives in memory,
so no stale index file can be picked up and every rank and worker sees the same one.
"""

# n samples, G global batch, U whole batches per pass, R passes per epoch, D ranks
from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np

from olmoearth_core.errors import ConfigError


def batches_per_epoch(count: int, global_batch: int, repeats: int = 1) -> int:
    """Return how many whole global batches an epoch has; a tail that fills none is dropped. 0 if count < batch."""
    return count // global_batch * repeats


def global_order(
    count: int, global_batch: int, *, seed: int, epoch: int, repeats: int = 1, shuffle: bool = True
) -> np.ndarray:
    """Return which sample is where in an epoch: places in the data set, uint32 [U*R, G].

    epoch counts from 1. Each pass is shuffled by the same PCG64 stream, seeded with seed + epoch.
    """
    if epoch < 1:
        raise ConfigError(f"epoch = {epoch}: epochs count from 1.")
    generator = np.random.default_rng(seed + epoch)
    used = count // global_batch * global_batch
    passes = []
    for _ in range(repeats):
        places = np.arange(count, dtype=np.uint32)
        if shuffle:
            generator.shuffle(places)
        passes.append(places[:used])
    return np.concatenate(passes).reshape(-1, global_batch)


def rank_rows(global_batch: int, rank: int, world_size: int) -> range:
    """Return which rows of a global batch a rank takes: every world_size-th, from its own number on.

    Raises:
        ConfigError: the batch cannot be dealt evenly.
    """
    if global_batch % world_size:
        near = [
            n for n in (global_batch // world_size * world_size, (global_batch // world_size + 1) * world_size) if n
        ]
        raise ConfigError(
            f"data_loader.global_batch_size = {global_batch} cannot be dealt to {world_size} ranks evenly. "
            f"Use {' or '.join(map(str, near))}."
        )
    if not 0 <= rank < world_size:
        raise ConfigError(f"rank {rank} is not one of 0…{world_size - 1}.")
    return range(rank, global_batch, world_size)


def index_file(size: int, *, epoch: int | None, seed: int | None) -> str:
    """Name an index file as the reference does; epoch and seed only where the order is shuffled."""
    parts = [f"epoch{epoch}" if epoch is not None else "", f"seed{seed}" if seed is not None else "", f"size{size}"]
    return "_".join(["global_indices", *filter(None, parts)]) + ".npy"


def write_global_indices(folder: str | Path, order: np.ndarray, *, epoch: int | None, seed: int | None) -> Path:
    """Write an order for other programs: 32-bit integers without a header, in spite of the name. Never read by us."""
    target = Path(folder) / index_file(order.size, epoch=epoch, seed=seed)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".tmp")
    with os.fdopen(handle, "wb") as out:
        out.write(np.ascontiguousarray(order, dtype=np.int32).tobytes())
    os.replace(temporary, target)
    return target
