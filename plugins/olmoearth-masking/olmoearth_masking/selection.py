"""Which band groups of a sample are encoded and which are decoded: how many by an even lot, which ones by another.

With one group in all, it is encoded; of two, one is encoded and the other decoded.
"""

# B samples, P band groups
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.masking import Draw
from olmoearth_masking.band_groups import Group, between, lots
from olmoearth_masking.counting import rank


@dataclass(frozen=True)
class Selection:
    """Bounds of the two numbers of groups; null is "no bound".

    share: whether one group may be encoded and decoded at once. If not, all that are not encoded are decoded, unless
        the bounds of the decoded ones say otherwise; and one group is left to decode, unless there is only one.
    """

    share: bool
    min_encoded: int | None
    max_encoded: int | None
    min_decoded: int | None
    max_decoded: int | None

    def choose(
        self, there_BP: Tensor, may_encode_BP: Tensor, groups: Sequence[Group], draw: Draw
    ) -> tuple[Tensor, Tensor]:
        """Return the groups to encode and those to decode, bool [B,P] each.

        there_BP: groups of which a sample has something; each may be decoded.
        may_encode_BP: those among them that may be encoded.
        """
        encoded_BP = self._encoded(may_encode_BP, groups, draw)
        decoded_BP = self._decoded(there_BP if self.share else there_BP & ~encoded_BP, groups, draw)
        few_B1 = ((there_BP.sum(1) <= 2) & may_encode_BP.any(1))[:, None]
        first_BP = may_encode_BP & (rank(lots(draw, "encoded", groups), may_encode_BP) == 0)
        return torch.where(few_B1, first_BP, encoded_BP), torch.where(few_B1, there_BP & ~first_BP, decoded_BP)

    def _encoded(self, may_BP: Tensor, groups: Sequence[Group], draw: Draw) -> Tensor:
        count_B = may_BP.sum(1)
        most_B = count_B if self.share else torch.where(count_B > 1, count_B - 1, count_B)
        high_B = _at_most(self.max_encoded, most_B)
        low_B = torch.minimum(_at_most(self.min_encoded, count_B), high_B)
        wanted_B = between(low_B, high_B, draw("num_encoded", 1)[:, 0])
        return may_BP & (rank(lots(draw, "encoded", groups), may_BP) < wanted_B[:, None])

    def _decoded(self, may_BP: Tensor, groups: Sequence[Group], draw: Draw) -> Tensor:
        count_B = may_BP.sum(1)
        high_B = _at_most(self.max_decoded, count_B)
        lowest = self.min_decoded or (1 if self.share else None)
        low_B = torch.minimum(_at_most(lowest, count_B), high_B)
        wanted_B = between(low_B, high_B, draw("num_decoded", 1)[:, 0])
        return may_BP & (rank(lots(draw, "decoded", groups), may_BP) < wanted_B[:, None])


def check_selection(where: str, selection: Selection) -> None:
    """Refuse bounds that no sample can meet.

    Raises:
        ConfigError: fewer than two encoded groups, bounds in the wrong order, or an upper one without a lower one.
    """
    low, high = selection.min_encoded, selection.max_encoded
    if low is not None and low <= 1:
        raise ConfigError(f"{where}: min_encoded_bandsets is {low}, but must be at least 2, or null for all.")
    if low is None and high is not None:
        raise ConfigError(
            f"{where}: max_encoded_bandsets is {high} while min_encoded_bandsets is null, which means all. "
            "Give both or neither."
        )
    _check_order(where, "encoded", low, 2 if high == 1 else high)
    _check_order(where, "decoded", selection.min_decoded, selection.max_decoded)


def _check_order(where: str, what: str, low: int | None, high: int | None) -> None:
    if any(bound is not None and bound < 1 for bound in (low, high)) or (low or 1) > (high or low or 1):
        raise ConfigError(
            f"{where}: min_{what}_bandsets is {low} and max_{what}_bandsets is {high}, but both must be at least 1 "
            "(null = no bound), and the first not above the second."
        )


def _at_most(bound: int | None, count_B: Tensor) -> Tensor:
    return count_B if bound is None else count_B.clamp(max=bound)
