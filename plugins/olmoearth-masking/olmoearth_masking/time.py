"""The same dates are hidden in all patches, band groups and modalities that have dates."""

# B samples, T dates
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.data.tokens import MISSING
from olmoearth_core.interfaces.masking import Draw, Masking
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_masking.by_lot import at_random, shared_codes
from olmoearth_masking.legacy import legacy_masking
from olmoearth_masking.ratios import Ratios
from olmoearth_masking.role_options import check_ratios

ENOUGH_DATES = 3
"""With fewer there is hardly anything to predict along time."""


def time(*, encode_ratio: float = 0.5, decode_ratio: float = 0.5, legacy: bool = False) -> Masking:
    """Mask whole dates; modalities without dates, and samples with fewer than three dates, are masked at random.

    encode_ratio, decode_ratio: shares of the dates of a sample, rounded down, at least one date for a ratio above 0.
    legacy: draw as the reference does; there a date counts only if no sample of the batch has a gap in it.

    Raises:
        ConfigError: a ratio outside [0, 1], or both above 1 together.
    """
    check_ratios("masking.time.v1", encode_ratio, decode_ratio)
    if legacy:
        return legacy_masking("time", encode_ratio=encode_ratio, decode_ratio=decode_ratio)
    return _Time(encode_ratio, decode_ratio)


def dates_of(present: Mapping[str, Tensor], specs: Sequence[ModalitySpec]) -> Tensor | None:
    """Return the dates at which a sample has anything, bool [B,T]; None if no modality has dates."""
    moving = [present[spec.name] for spec in specs if spec.multitemporal]
    if not moving:
        return None
    return torch.stack([p.any(-1).flatten(1, -2).any(1) if p.dim() > 3 else p.any(-1) for p in moving]).any(0)


@dataclass(frozen=True)
class _Time(Ratios):
    def suits(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec]) -> Tensor:
        """Return which samples have dates enough, bool [B]."""
        dates_BT = dates_of(present, specs)
        if dates_BT is None:
            first = next(iter(present.values()))
            return torch.zeros(len(first), dtype=torch.bool, device=first.device)
        return dates_BT.sum(1) >= ENOUGH_DATES

    def mask(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], draw: Draw) -> dict[str, Tensor]:
        """Draw the codes of all samples."""
        masks = {s.name: at_random(present[s.name], s, self.encode_ratio, self.decode_ratio, draw) for s in specs}
        dates_BT = dates_of(present, specs)
        if dates_BT is None:
            return masks
        lots_BT = draw("dates", dates_BT.shape[1])
        codes_BT = shared_codes(dates_BT, self.encode_ratio, self.decode_ratio, lots_BT, at_least=1)
        along_B = dates_BT.sum(1) >= ENOUGH_DATES
        for spec in specs:
            if spec.multitemporal:
                there = present[spec.name]
                places = (len(there), *[1] * (there.dim() - 3), -1, 1)
                along = along_B.reshape(-1, *[1] * (there.dim() - 1))
                codes = torch.where(along, codes_BT.reshape(places), masks[spec.name])
                masks[spec.name] = codes.masked_fill(~there, MISSING)
        return masks
