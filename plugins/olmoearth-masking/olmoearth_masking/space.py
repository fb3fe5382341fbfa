"""The same patches are hidden at all dates, in all band groups and in all spatial modalities."""

# B samples, P patches
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


def space(*, encode_ratio: float = 0.5, decode_ratio: float = 0.5, legacy: bool = False) -> Masking:
    """Mask whole patches; modalities without places are masked at random.

    encode_ratio, decode_ratio: shares of the patches at which a sample has anything, rounded down.
    legacy: draw as the reference does; there patches without data count too.

    Raises:
        ConfigError: a ratio outside [0, 1], or both above 1 together.
    """
    check_ratios("masking.space.v1", encode_ratio, decode_ratio)
    if legacy:
        return legacy_masking("space", encode_ratio=encode_ratio, decode_ratio=decode_ratio)
    return _Space(encode_ratio, decode_ratio)


@dataclass(frozen=True)
class _Space(Ratios):
    def mask(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], draw: Draw) -> dict[str, Tensor]:
        """Draw the codes of all samples."""
        spatial = [present[spec.name] for spec in specs if spec.spatial]
        masks = {}
        if spatial:
            there_BP = torch.stack([p.flatten(3).any(-1).flatten(1) for p in spatial]).any(0)
            lots_BP = draw("patches", there_BP.shape[1])
            codes_BP = shared_codes(there_BP, self.encode_ratio, self.decode_ratio, lots_BP)
        for spec in specs:
            there = present[spec.name]
            if spec.spatial:
                codes = codes_BP.reshape(*there.shape[:3], 1, 1).expand(there.shape)
                masks[spec.name] = codes.masked_fill(~there, MISSING)
            else:
                masks[spec.name] = at_random(there, spec, self.encode_ratio, self.decode_ratio, draw)
        return masks
