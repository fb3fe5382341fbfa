"""Each sample draws one of several strategies."""

# B samples, K strategies
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self, runtime_checkable

import torch
from torch import Tensor

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.masking import Draw, Masking
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_masking.ratios import moved_to

_NAME = "masking.choice.v1"


@runtime_checkable
class Choosy(Protocol):
    """A strategy that says which samples it suits; others are then drawn for the rest."""

    def suits(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec]) -> Tensor:
        """Return which samples it can mask as it means to, bool [B]."""
        ...


def choice(*, strategies: Mapping[str, Any], weights: Mapping[str, float] | None = None) -> Masking:
    """Let each sample draw a strategy.

    One that does not suit a sample (`masking.time.v1` with fewer than three dates) is drawn only if no other can be.

    strategies: by a name of your own, as sections `[... .strategies.<name>]`; the names seed their draws.
    weights: how often each is drawn, relative to the others; 1 where not named.

    Raises:
        ConfigError: fewer than one strategy, a weight of something else, or weights that are negative or all 0.
    """
    weights = dict(weights or {})
    wrong = [name for name, strategy in strategies.items() if not isinstance(strategy, Masking)]
    if wrong:
        raise ConfigError(f"{_NAME}: strategies.{wrong[0]} is no masking strategy. Give it an @maskings.")
    if not strategies:
        raise ConfigError(
            f"{_NAME}: no strategy is named. Add sections [... .strategies.<name>] with an @maskings each."
        )
    unknown = sorted(set(weights) - set(strategies))
    if unknown:
        raise ConfigError(f"{_NAME}: weights name {', '.join(unknown)}; the strategies are {', '.join(strategies)}.")
    drawn = [float(weights.get(name, 1.0)) for name in strategies]
    if min(drawn) < 0 or sum(drawn) <= 0:
        raise ConfigError(f"{_NAME}: weights are {dict(zip(strategies, drawn, strict=True))}; none may be negative, "
                          "and one must be above 0.")  # fmt: skip
    return Choice(_NAME.split(".")[1], dict(strategies), tuple(drawn))


@dataclass(frozen=True)
class Choice:
    """Strategies by name and their weights; name: what metrics call it."""

    name: str
    strategies: Mapping[str, Masking]
    weights: tuple[float, ...]

    @property
    def encode_ratio(self) -> float:
        """Mean over the strategies, by weight."""
        return self._mean("encode_ratio")

    @property
    def decode_ratio(self) -> float:
        """Mean over the strategies, by weight."""
        return self._mean("decode_ratio")

    def _mean(self, name: str) -> float:
        ratios = [float(getattr(strategy, name)) for strategy in self.strategies.values()]
        return sum(r * w for r, w in zip(ratios, self.weights, strict=True)) / sum(self.weights)

    def with_ratios(self, encode_ratio: float, decode_ratio: float) -> Self:
        """Return the same choice among strategies with other ratios."""
        moved = {name: moved_to(inner, encode_ratio, decode_ratio) for name, inner in self.strategies.items()}
        return replace(self, strategies=moved)

    def mask(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], draw: Draw) -> dict[str, Tensor]:
        """Draw the codes of all samples; every strategy masks the whole batch."""
        drawn_B = self._drawn(present, specs, draw)
        masks: dict[str, Tensor] = {}
        for number, (name, strategy) in enumerate(self.strategies.items()):
            found = strategy.mask(present, specs, draw.child(name))
            for modality, codes in found.items():
                own = (drawn_B == number).reshape(-1, *[1] * (codes.dim() - 1))
                masks[modality] = torch.where(own, codes, masks[modality]) if number else codes
        return masks

    def _drawn(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], draw: Draw) -> Tensor:
        lot_B = draw("strategy", 1)[:, 0]
        plain_BK = torch.tensor(self.weights, dtype=lot_B.dtype, device=lot_B.device).repeat(len(lot_B), 1)
        weights_BK = plain_BK.clone()
        for number, strategy in enumerate(self.strategies.values()):
            if isinstance(strategy, Choosy) and present:
                weights_BK[:, number] *= strategy.suits(present, specs)
        nothing_B1 = weights_BK.sum(1, keepdim=True) == 0
        weights_BK = torch.where(nothing_B1, plain_BK, weights_BK)
        edges_BK = weights_BK.cumsum(1) / weights_BK.sum(1, keepdim=True)
        return (lot_B[:, None] >= edges_BK[:, :-1]).sum(1)
