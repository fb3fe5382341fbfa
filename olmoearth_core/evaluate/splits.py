"""Who is trained on and who is tested: whole groups, never parts of one.

Neighbouring pixels resemble each other, so a random split of samples measures memory. Here a group (a spatial
block, a parent tile, a site) goes to one side as a whole, and a seed says which.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from olmoearth_core.errors import ConfigError, DataError

Positions = npt.NDArray[np.int64]


def block_split(groups: Sequence[str], *, test_fraction: float, seed: int) -> tuple[Positions, Positions]:
    """Return the positions of training and test samples, both in ascending order.

    test_fraction: share of *samples* to test on; groups are added until it is reached, one group at least is left
    for training. Depends on the group names and the seed alone, not on the order of samples.

    Raises:
        ConfigError: the share is not between 0 and 1.
        DataError: fewer than two groups.
    """
    if not 0 < test_fraction < 1:
        raise ConfigError(f"test_fraction is {test_fraction}, but must lie between 0 and 1 (for example 0.3).")
    names, owner = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    if len(names) < 2:
        raise DataError(
            f"A split by spatial block needs at least 2 groups, but all {len(groups)} samples belong to "
            f"{list(names)}. Use smaller blocks, or more data."
        )
    sizes = np.bincount(owner)
    order = np.random.default_rng(seed).permutation(len(names))
    before = np.cumsum(sizes[order]) - sizes[order]
    wanted = order[before < test_fraction * len(groups)][: len(names) - 1]
    tested = np.isin(owner, wanted)
    return np.flatnonzero(~tested), np.flatnonzero(tested)


def cap_per_class(labels: np.ndarray, limit: int | None, *, seed: int) -> Positions:
    """Return positions, ascending, of at most `limit` entries per class, drawn with a seed; None keeps all."""
    if limit is None:
        return np.arange(len(labels))
    order = np.random.default_rng(seed).permutation(len(labels))
    kept = [order[labels[order] == label][:limit] for label in np.unique(labels)]
    return np.sort(np.concatenate(kept)) if kept else np.arange(0)
