"""Every token draws for itself, modality by modality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from olmoearth_core.interfaces.masking import Draw, Masking
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_masking.by_lot import at_random
from olmoearth_masking.legacy import legacy_masking
from olmoearth_masking.ratios import Ratios
from olmoearth_masking.role_options import check_ratios


def random(*, encode_ratio: float = 0.5, decode_ratio: float = 0.5, legacy: bool = False) -> Masking:
    """Mask the tokens of each modality at random: all places, dates and band groups of a modality are one pool.

    encode_ratio, decode_ratio: shares of the tokens that are there, rounded down; only the target sees the rest. A
        modality without axes (one token per band group) is rounded by lot.
    legacy: draw as the reference does; there the tokens of modalities without axes are one pool over the batch.

    Raises:
        ConfigError: a ratio outside [0, 1], or both above 1 together.
    """
    check_ratios("masking.random.v1", encode_ratio, decode_ratio)
    if legacy:
        return legacy_masking("random", encode_ratio=encode_ratio, decode_ratio=decode_ratio)
    return _Random(encode_ratio, decode_ratio)


@dataclass(frozen=True)
class _Random(Ratios):
    def mask(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], draw: Draw) -> dict[str, Tensor]:
        """Draw the codes of all samples."""
        return {s.name: at_random(present[s.name], s, self.encode_ratio, self.decode_ratio, draw) for s in specs}
