"""Some modalities are never shown and always predicted; another strategy masks the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from olmoearth_core.data.tokens import DECODE, MISSING
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.masking import Draw, Masking
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_masking.ratios import moved_to
from olmoearth_masking.role_options import check_names

_NAME = "masking.only_decode.v1"


def only_decode(*, strategy: Masking, modalities: list[str]) -> Masking:
    """Decode some modalities wherever they are there; the strategy does not see them.

    strategy: masks all others, as a section `[... .strategy]`.
    modalities: names; those that are not trained are ignored.

    Raises:
        ConfigError: no modality, or one named twice.
    """
    check_names(_NAME, modalities=modalities)
    if not modalities:
        raise ConfigError(f"{_NAME}: modalities is empty. Name what is only ever decoded, or use the strategy alone.")
    return OnlyDecode(strategy, frozenset(modalities))


@dataclass(frozen=True)
class OnlyDecode:
    """A strategy, and the modalities that it does not see."""

    strategy: Masking
    modalities: frozenset[str]
    name: str = "onlydecode"

    @property
    def encode_ratio(self) -> float:
        """Of the strategy."""
        return float(getattr(self.strategy, "encode_ratio"))  # noqa: B009  not every strategy has it

    @property
    def decode_ratio(self) -> float:
        """Of the strategy."""
        return float(getattr(self.strategy, "decode_ratio"))  # noqa: B009

    def with_ratios(self, encode_ratio: float, decode_ratio: float) -> Self:
        """Return the same with the strategy's ratios moved."""
        return replace(self, strategy=moved_to(self.strategy, encode_ratio, decode_ratio))

    def mask(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], draw: Draw) -> dict[str, Tensor]:
        """Draw the codes of all samples."""
        shown = [spec for spec in specs if spec.name not in self.modalities]
        drawn = self.strategy.mask({s.name: present[s.name] for s in shown}, shown, draw.child("strategy"))
        return {spec.name: drawn[spec.name] if spec.name in drawn else _decode(present[spec.name]) for spec in specs}


def _decode(there: Tensor) -> Tensor:
    return torch.full_like(there, DECODE, dtype=torch.int8).masked_fill(~there, MISSING)
