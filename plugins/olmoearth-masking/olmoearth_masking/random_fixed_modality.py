"""Tokens are drawn independently, but some modalities are always decoded whole, and complete ones may be withheld."""

# B samples, K names
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.data.tokens import DECODE, MISSING
from olmoearth_core.interfaces.masking import Draw, Masking
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_masking.band_groups import between
from olmoearth_masking.counting import rank
from olmoearth_masking.legacy import legacy_masking
from olmoearth_masking.random import random
from olmoearth_masking.redraw import Redraw
from olmoearth_masking.role_options import check_names, check_ratios

_NAME = "masking.random_fixed_modality.v1"


def random_fixed_modality(
    *,
    decoded_modalities: list[str],
    randomize_missing_modalities: list[str] | None = None,
    encode_ratio: float = 0.5,
    decode_ratio: float = 0.5,
    legacy: bool = False,
) -> Masking:
    """Mask tokens at random, and always decode some modalities whole.

    decoded_modalities: decoded as far as they are there.
    randomize_missing_modalities: a sample that has at least two of them without a gap is treated as if it lacked some,
        from none to all but one; null = none.
    encode_ratio, decode_ratio: shares of the tokens of each other modality.
    legacy: draw as the reference does; there a gap in one sample keeps a modality from being withheld in all.

    Raises:
        ConfigError: a ratio outside [0, 1], both above 1 together, or a modality named twice in one list.
    """
    check_ratios(_NAME, encode_ratio, decode_ratio)
    lists = {"decoded_modalities": decoded_modalities, "randomize_missing_modalities": randomize_missing_modalities}
    check_names(_NAME, **lists)
    if legacy:
        return legacy_masking(
            "random_fixed_modality",
            decoded_modalities=list(decoded_modalities),
            randomize_missing_modalities=list(randomize_missing_modalities or ()),
            encode_ratio=encode_ratio,
            decode_ratio=decode_ratio,
        )
    inner = random(encode_ratio=encode_ratio, decode_ratio=decode_ratio)
    redraw = Redraw(encode_ratio, decode_ratio)
    return _RandomFixedModality(inner, frozenset(decoded_modalities), tuple(randomize_missing_modalities or ()), redraw)


@dataclass(frozen=True)
class _RandomFixedModality:
    inner: Masking
    decoded: frozenset[str]
    may_lack: Sequence[str]
    redraw: Redraw

    def mask(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], draw: Draw) -> dict[str, Tensor]:
        """Draw the codes of all samples."""
        masks = dict(self.inner.mask(present, specs, draw.child("inner")))
        for name in self.decoded & masks.keys():
            masks[name] = masks[name].masked_fill(present[name], DECODE)
        for name, lacks_B in self._withheld(present, draw).items():
            masks[name] = masks[name].masked_fill(lacks_B.reshape(-1, *[1] * (masks[name].dim() - 1)), MISSING)
        if not masks:
            return masks
        free = {n: torch.full((len(p),), n not in self.decoded, device=p.device) for n, p in present.items()}
        return self.redraw.mask(masks, free, draw)

    def _withheld(self, present: Mapping[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Return the modalities that each sample is to lack, bool [B] by name; never all of the complete ones."""
        names = [name for name in self.may_lack if name in present]
        if not names:
            return {}
        complete_BK = torch.stack([present[name].flatten(1).all(1) for name in names], dim=1)
        most_B = (complete_BK.sum(1) - 1).clamp(min=0)
        number_B = between(torch.zeros_like(most_B), most_B, draw("num_withheld", 1)[:, 0])
        lots_BK = torch.cat([draw(f"withhold/{name}", 1) for name in names], dim=1)
        withheld_BK = complete_BK & (rank(lots_BK, complete_BK) < number_B[:, None])
        return dict(zip(names, withheld_BK.unbind(1), strict=True))
