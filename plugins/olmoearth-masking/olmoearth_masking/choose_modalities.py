"""Per sample, some modalities of two lists are hidden from the encoder: decoded whole, or withheld as if missing.

The part that the "selectable" strategies share.
"""

# B samples, K names
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.data.tokens import DECODE, MISSING
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.masking import Draw, Masking
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_masking.band_groups import between
from olmoearth_masking.counting import rank
from olmoearth_masking.redraw import Redraw
from olmoearth_masking.role_options import check_names


@dataclass(frozen=True)
class ChooseModalities:
    """Hide up to max_to_mask modalities of each sample on top of an inner strategy.

    A name that the batch lacks keeps its place in the lot, so the others are hidden no more often without it.

    name: what metrics call it.
    decodable, fully_masked: names of those that are decoded whole, and of those that are withheld.
    """

    name: str
    inner: Masking
    decodable: Sequence[str]
    fully_masked: Sequence[str]
    max_to_mask: int
    redraw: Redraw

    def mask(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], draw: Draw) -> dict[str, Tensor]:
        """Draw the codes of all samples."""
        masks = dict(self.inner.mask(present, specs, draw.child("inner")))
        if not masks:
            return masks
        free = {n: torch.ones(len(p), dtype=torch.bool, device=p.device) for n, p in present.items()}
        for name, chosen_B in self._chosen(draw, next(iter(free.values()))).items():
            if name in masks:
                chosen = chosen_B.reshape(-1, *[1] * (masks[name].dim() - 1)) & present[name]
                masks[name] = masks[name].masked_fill(chosen, DECODE if name in self.decodable else MISSING)
                free[name] = ~chosen_B
        return self.redraw.mask(masks, free, draw)

    def _chosen(self, draw: Draw, all_B: Tensor) -> dict[str, Tensor]:
        names = (*self.decodable, *self.fully_masked)
        if not names:
            return {}
        lots_BK = torch.cat([draw(f"hide/{name}", 1) for name in names], dim=1)
        most_B = torch.full_like(all_B, self.max_to_mask, dtype=torch.int64)
        number_B = between(torch.zeros_like(most_B), most_B, draw("num_hidden", 1)[:, 0])
        chosen_BK = rank(lots_BK, torch.ones_like(lots_BK, dtype=torch.bool)) < number_B[:, None]
        return dict(zip(names, chosen_BK.unbind(1), strict=True))


def check_choice(where: str, decodable: Sequence[str], fully_masked: Sequence[str], max_to_mask: int) -> None:
    """Refuse lists that contradict each other, and a negative number.

    Raises:
        ConfigError: a name in both lists or twice in one, or max_to_mask below 0.
    """
    check_names(where, decodable_modalities=decodable, fully_mask_modalities=fully_masked)
    if both := sorted(set(decodable) & set(fully_masked)):
        raise ConfigError(
            f"{where}: {', '.join(both)} is in decodable_modalities and in fully_mask_modalities. Name it in one list."
        )
    if max_to_mask < 0:
        raise ConfigError(f"{where}: max_to_mask is {max_to_mask}, but must be 0 or more.")
