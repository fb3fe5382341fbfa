"""Hide single bands, so that no token leans on one of them."""

# B samples, C bands of one band set
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.interfaces.masking import Draw
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.transform import Pixels, Transform
from olmoearth_plugins.transforms.hiding import check_rate, chosen, hide, kept, rates, some_band

_NAME = "olmoearth.band_dropout.v1"


def band_dropout(*, rate: float = 0.2, random: bool = True, modalities: list[str] | None = None) -> Transform:
    """Hide bands of each sample, in all its pixels and steps; each band set keeps at least one that is there.

    Unlike the encoder's option of that name it acts on targets too, and it makes bands absent: with
    data_loader.band_gap = "drop_token" a token that loses one band is gone; use "zero_band".

    rate: probability that a band is hidden; with random its upper end, drawn per sample and band set.
    modalities: where it applies; null = everywhere.

    Raises:
        ConfigError: a rate outside of 0…1.
    """
    check_rate(_NAME, rate)
    return _BandDropout(rate, random, modalities)


@dataclass(frozen=True)
class _BandDropout:
    rate: float
    random: bool
    modalities: list[str] | None

    def apply(self, pixels: Pixels, specs: Sequence[ModalitySpec], draw: Draw) -> Pixels:
        """Hide bands of every band set that has more than one."""
        keep = {
            spec.name: self._keep(spec, pixels.presence[spec.name], draw.child(spec.name))
            for spec in specs
            if spec.name in pixels.arrays and chosen(spec.name, self.modalities)
        }
        return hide(pixels, keep)

    def _keep(self, spec: ModalitySpec, presence: Tensor, draw: Draw) -> Tensor:
        there_BC, parts = some_band(presence), []
        for number, bands in enumerate(spec.band_indices):
            rate_B1 = rates(draw, f"rate {number}", self.rate, random=self.random)
            parts.append(kept(draw(f"bands {number}", len(bands)), there_BC[:, list(bands)], rate_B1, least=1))
        keep_BC = torch.cat(parts, 1)
        return keep_BC.reshape(len(keep_BC), *[1] * (presence.dim() - 2), -1)
