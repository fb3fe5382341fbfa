"""What data and which weights a score belongs to, as short hashes of their content.

Content, not paths or dates: the same samples and the same weights have the same hash on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import nn

    from olmoearth_core.interfaces.evaluation import LabelledSample


def fingerprint(data: Sequence[LabelledSample]) -> str:
    """Hash labels, groups, pixels and presence: equal data, equal text, wherever they lie."""
    digest = hashlib.blake2b(digest_size=8)
    for one in data:
        digest.update(one.group.encode())
        arrays = [one.label, one.sample.timestamps, *one.sample.arrays.values(), *one.sample.presence.values()]
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def weights_hash(model: nn.Module) -> str:
    """Hash names and values of all weights."""
    digest = hashlib.blake2b(digest_size=8)
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def absent_share(data: Sequence[LabelledSample]) -> float:
    """Return the share of input values that were not there."""
    total = there = 0.0
    for one in data:
        for name, array in one.sample.arrays.items():
            total += array.size
            there += float(np.mean(one.sample.presence[name])) * array.size
    return 1 - there / total if total else 0.0
