"""Hide whole band sets, as if a sensor had not delivered them."""

# B samples, N band sets of all modalities, S band sets of one, C bands
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.interfaces.masking import Draw
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.transform import Pixels, Transform
from olmoearth_plugins.transforms.hiding import check_min_kept, check_rate, chosen, hide, kept, rates, some_band

_NAME = "olmoearth.band_subsampling.v1"


def band_subsampling(
    *, rate: float = 0.5, random: bool = True, min_kept: int = 1, modalities: list[str] | None = None
) -> Transform:
    """Hide band sets of each sample (those its modalities declare), in all pixels and steps.

    A modality with one band set is hidden whole.

    rate: probability that a band set is hidden; with random its upper end, drawn per sample.
    min_kept: band sets that stay in any case, of all those that the sample has.
    modalities: whose band sets may be hidden; null = all.

    Raises:
        ConfigError: a rate outside of 0…1, or a negative number of band sets.
    """
    check_rate(_NAME, rate)
    check_min_kept(_NAME, min_kept)
    return _BandSubsampling(rate, random, min_kept, modalities)


@dataclass(frozen=True)
class _BandSubsampling:
    rate: float
    random: bool
    min_kept: int
    modalities: list[str] | None

    def apply(self, pixels: Pixels, specs: Sequence[ModalitySpec], draw: Draw) -> Pixels:
        """Hide the band sets that lose their lot."""
        asked = [spec for spec in specs if spec.name in pixels.arrays and chosen(spec.name, self.modalities)]
        if not asked:
            return pixels
        there_BN = torch.cat([_sets(spec, pixels.presence[spec.name]) for spec in asked], 1)
        # By name: another modality in the data set must not change what happens to this one.
        lots_BN = torch.cat([draw(f"sets {spec.name}", len(spec.band_sets)) for spec in asked], 1)
        rate_B1 = rates(draw, "rate", self.rate, random=self.random)
        keep_BN = kept(lots_BN, there_BN, rate_B1, self.min_kept)
        parts = torch.split(keep_BN, [len(spec.band_sets) for spec in asked], 1)
        keep = {spec.name: _laid(spec, part, pixels) for spec, part in zip(asked, parts, strict=True)}
        return hide(pixels, keep)


def _sets(spec: ModalitySpec, presence: Tensor) -> Tensor:
    there_BC = some_band(presence)
    return torch.stack([there_BC[:, list(bands)].any(1) for bands in spec.band_indices], 1)


def _laid(spec: ModalitySpec, keep_BS: Tensor, pixels: Pixels) -> Tensor:
    owner_C = torch.tensor([number for number, bands in enumerate(spec.band_indices) for _ in bands])
    keep_BC = keep_BS.index_select(1, owner_C.to(keep_BS.device))
    return keep_BC.reshape(len(keep_BC), *[1] * (pixels.arrays[spec.name].dim() - 2), -1)
