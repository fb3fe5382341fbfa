"""How many time steps fit into a token budget."""

from __future__ import annotations

from collections.abc import Sequence

from olmoearth_core.data.h5 import LATLON
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.interfaces.modality import ModalitySpec


def tokens(specs: Sequence[ModalitySpec], tokenization: Tokenization, patches: int) -> tuple[int, int]:
    """Return tokens that do not depend on time, and tokens per time step, of `patches` x `patches` patches.

    Every modality of the data set counts, whether a sample has it or not, so T is equal over samples.
    """
    fixed = per_step = 0
    for spec in specs:
        if spec.name == LATLON:
            continue
        count = len(tokenization.groups(spec)) * (patches * patches if spec.spatial else 1)
        if spec.multitemporal:
            per_step += count
        else:
            fixed += count
    return fixed, per_step


def steps_within(
    specs: Sequence[ModalitySpec], tokenization: Tokenization, *, patches: int, budget: int | None, longest: int
) -> int:
    """Return how many time steps fit, at most `longest`; 0 if not even one does. budget None = no limit."""
    fixed, per_step = tokens(specs, tokenization, patches)
    if per_step == 0:
        return 1
    if budget is None:
        return longest
    return min(max((budget - fixed) // per_step, 0), longest)


def smallest_budget(specs: Sequence[ModalitySpec], tokenization: Tokenization, patches: int) -> int:
    """Return the budget that holds one time step."""
    return sum(tokens(specs, tokenization, patches))
