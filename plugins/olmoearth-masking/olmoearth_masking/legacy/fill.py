"""The two routines all legacy strategies are made of: draw codes for all tokens, or redraw those that are there.

Counts are cut off, not rounded: 3 tokens at 0.5 and 0.5 become one of each code.
"""

# B samples, N tokens
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, TARGET_ONLY
from olmoearth_core.errors import ConfigError
from olmoearth_masking.legacy.chance import Chance
from olmoearth_masking.legacy.scene import Scene


def shuffled(n: int, encode: int, decode: int, chance: Chance) -> Tensor:
    """Return n codes in random order, of which `encode` and `decode` are to be shown and predicted, int8 [N].

    Raises:
        ConfigError: more than n are asked for.
    """
    if encode + decode > n:
        raise ConfigError(
            f"legacy masking: the ratios ask to show {encode} and to predict {decode} of {n} tokens. "
            f"Choose ratios that do not exceed 1 together."
        )
    ordered = torch.full((n,), TARGET_ONLY, dtype=torch.int8)
    ordered[:encode], ordered[encode : encode + decode] = ENCODE, DECODE
    return ordered[chance.permutation(n)]


def by_share(n: int, encode: float, decode: float, chance: Chance) -> Tensor:
    """Return n codes in random order with truncated shares, int8 [N]."""
    return shuffled(n, int(n * encode), int(n * decode), chance)


def random_mask(scene: Scene, name: str, encode: Sequence[float], decode: Sequence[float], chance: Chance) -> Tensor:
    """Draw all tokens of a modality, whether there or not, with one pair of ratios per sample; int8, like `present`.

    A modality without space and time has its one token per sample drawn over the batch, at the first sample's ratios.
    """
    there = scene.present[name]
    if scene.kinds[name] == "static":
        return by_share(scene.size, encode[0], decode[0], chance)[:, None].expand_as(there).clone()
    n = there[0].numel()
    return torch.stack([by_share(n, e, d, chance) for e, d in zip(encode, decode, strict=True)]).view(there.shape)


def refill(codes: Tensor, encode: float, decode: float, chance: Chance) -> None:
    """Redraw, in place, the codes of one sample that are not MISSING.

    A single token is always shown, whatever the ratios. The product is a float32 one, as in the reference.
    """
    there = codes != MISSING
    n = there.sum()
    if n == 1:
        codes[there] = ENCODE
    else:
        codes[there] = shuffled(int(n), int(n * encode), int(n * decode), chance)
