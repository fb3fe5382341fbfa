"""Which band groups a sample of `modality_cross_*` shows and which it predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from olmoearth_masking.legacy.chance import Chance

Group = tuple[str, int]
"""A modality and the number of one of its band groups."""


@dataclass(frozen=True)
class BandChoice:
    """Bounds of the choice; None = as far as the sample allows.

    same: whether a group may be both shown and predicted. If not, all that is not shown is to be predicted, and the
    bounds on what is predicted do nothing.
    only_decode: modalities that are never shown, unless the sample has one or two groups: there their order decides.
    """

    same: bool
    shown: tuple[int | None, int | None]
    predicted: tuple[int | None, int | None]
    only_decode: frozenset[str]

    def of(self, there: Sequence[Group], chance: Chance) -> tuple[set[Group], set[Group]]:
        """Return the groups shown and those to be predicted, of those that are there."""
        if len(there) <= 2:
            return set(there[:1]), set(there[1:])
        may_show = [group for group in there if group[0] not in self.only_decode]
        if not may_show:
            return set(), self._predicted(there, set(), chance)
        upper = len(may_show) - (not self.same)
        most = min(self.shown[1] or upper, upper)
        least = min(min(self.shown[0] or len(may_show), len(may_show)), most)
        count = int(chance.choices.randint(least, most + 1))
        shown = {may_show[i] for i in chance.choices.choice(len(may_show), count, replace=False)}
        return shown, self._predicted(there, shown, chance)

    def _predicted(self, there: Sequence[Group], shown: set[Group], chance: Chance) -> set[Group]:
        n = len(there)
        if not self.same:
            # The outcome is the whole list; the reference draws it nevertheless, which moves its generator on.
            chance.choices.choice(n - len(shown), n - len(shown), replace=False)
            return set(there) - shown
        least, most = min(self.predicted[0] or 1, n), min(self.predicted[1] or n, n)
        count = int(chance.choices.randint(least, most + 1))
        return {there[i] for i in chance.choices.choice(n, count, replace=False)}
