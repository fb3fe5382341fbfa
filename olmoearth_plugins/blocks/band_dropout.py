"""Band dropout: in training, some bands of a token group are hidden from whole samples.

Off until `active` is set (the train module does it, on the online encoder only), so that targets, fine-tuning
and evaluation never see it. What is kept is not scaled up.
"""

# B samples, C bands of one group
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class BandDropout:
    """Which bands each sample keeps.

    active: whether it may hide anything; copied with the module that holds it.
    """

    def __init__(self, rate: float, *, random_rate: bool, modalities: Sequence[str] | None) -> None:
        """rate: probability of hiding a band; with random_rate its upper end, one rate being drawn per call.

        modalities: where it applies; None = everywhere.
        """
        self.rate, self.random_rate = rate, random_rate
        self.modalities = None if modalities is None else frozenset(modalities)
        self.active = False

    def applies(self, modality: str, bands: int) -> bool:
        """Whether a group of bands of a modality may lose some; a single band never does."""
        return self.active and self.rate > 0 and bands > 1 and (self.modalities is None or modality in self.modalities)

    def keep(self, batch: int, bands: int, device: torch.device) -> Tensor:
        """Draw which bands each sample keeps, float32 [B,C]; at least one per sample."""
        limit = torch.rand((), device=device) * self.rate if self.random_rate else self.rate
        kept = torch.rand(batch, bands, device=device) >= limit
        spare = torch.rand(batch, bands, device=device).argmax(1, keepdim=True)
        rescue = torch.zeros_like(kept).scatter(1, spare, True) & ~kept.any(1, keepdim=True)
        return (kept | rescue).float()
