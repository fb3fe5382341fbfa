"""What a legacy algorithm sees of a batch, and in which order it walks the modalities.

The order decides who draws first, so it is part of every seeded mask. Most of the reference walks the fields of a
sample; the rules of `modality_cross_*` walk those of a masked sample, where latlon stands earlier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from olmoearth_core.data.tokens import MISSING
from olmoearth_core.interfaces.modality import Kind, ModalitySpec

ORDER = [
    "sentinel2_l2a",
    "sentinel1",
    "worldcover",
    "worldcover_onehot",
    "openstreetmap_raster",
    "srtm",
    "landsat",
    "naip",
    "naip_10",
    "gse",
    "cdl",
    "worldpop",
    "worldcereal",
    "wri_canopy_height_map",
    "era5_10",
    "ndvi",
    "eurocrops",
    "latlon",
]
_BEFORE_LATLON = "worldcover_onehot"


@dataclass(frozen=True)
class Scene:
    """Which tokens are there, bool by modality in the reference's order, [B,H,W,T,S], [B,T,S] or [B,S].

    step: number of the global batch, for ratios that move; 0 outside training.
    """

    present: Mapping[str, Tensor]
    kinds: Mapping[str, Kind]
    step: int = 0

    @classmethod
    def of(cls, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], step: int) -> Scene:
        """Sort the modalities of a batch; those the reference does not know come last, in the order given."""
        place = {name: i for i, name in enumerate(ORDER)}
        names = sorted((spec.name for spec in specs), key=lambda name: place.get(name, len(ORDER)))
        return cls({n: present[n].cpu() for n in names}, {spec.name: spec.kind for spec in specs}, step)

    @cached_property
    def size(self) -> int:
        """Number of samples."""
        return len(next(iter(self.present.values())))

    def masked_order(self) -> list[str]:
        """Return the modalities as a masked sample of the reference lists them."""
        early = ORDER[: ORDER.index(_BEFORE_LATLON) + 1]
        rest = [name for name in self.present if name not in early and name != "latlon"]
        return [*(n for n in early if n in self.present), *(["latlon"] if "latlon" in self.present else []), *rest]

    def spatial(self, name: str) -> bool:
        """Whether the modality has rows and columns."""
        return self.kinds[name] in ("space_time", "space")

    def temporal(self, name: str) -> bool:
        """Whether the modality has dates."""
        return self.kinds[name] in ("space_time", "time")

    def full(self, name: str, code: int) -> Tensor:
        """Return one code for every token of a modality, int8, MISSING where it is not there."""
        return self.without_missing(name, torch.full_like(self.present[name], code, dtype=torch.int8))

    def without_missing(self, name: str, codes: Tensor) -> Tensor:
        """Return the codes with MISSING where a token is not there."""
        return codes.masked_fill(~self.present[name], MISSING)

    def valid_steps(self) -> list[int]:
        """Return the dates at which some modality has every token of every sample of the batch."""
        whole = [there.movedim(-2, 0).flatten(1).all(1) for name, there in self.present.items() if self.temporal(name)]
        valid: list[int] = torch.stack(whole).any(0).nonzero()[:, 0].tolist() if whole else []
        return valid
