"""Token exits: each modality leaves the encoder after a depth of its own.

Depth 0 is the bare patch embedding, depth d the output of block d; tokens stay visible to the others after they left.
"""

# M packed tokens, D width
from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from olmoearth_core.errors import ConfigError
from olmoearth_plugins.blocks.packing import Packing
from olmoearth_plugins.blocks.places import Places


class Exits:
    """Collects what leaves at each depth."""

    def __init__(self, depths: Sequence[int], at: Packing, where: Places, raw_MD: Tensor) -> None:
        """depths: one per modality of the layout; raw_MD: patch embeddings."""
        table = torch.tensor(depths).to(raw_MD.device, non_blocking=True)
        self._depth_M1 = table[where.modality[at.place]][:, None]
        self._wanted = frozenset(depths)
        self.tokens = raw_MD

    def after(self, depth: int, x_MD: Tensor) -> None:
        """Let the tokens go whose depth this is (the first block is 1)."""
        if depth in self._wanted:
            self.tokens = torch.where(self._depth_M1 == depth, x_MD, self.tokens)


def depths(token_exits: Mapping[str, int], names: Sequence[str], depth: int) -> list[int]:
    """Return the exit depth of each modality.

    Raises:
        ConfigError: a modality without a depth, or a depth the encoder does not have.
    """
    missing = [name for name in names if name not in token_exits]
    beyond = {name: token_exits[name] for name in names if name in token_exits and not 0 <= token_exits[name] <= depth}
    if missing or beyond:
        raise ConfigError(
            f"token exits {dict(token_exits)} must name a depth of 0 to {depth} for each of {', '.join(names)}."
            + (f" Missing: {', '.join(missing)}." if missing else "")
            + (f" Out of range: {beyond}." if beyond else "")
        )
    return [token_exits[name] for name in names]
