"""Band groups are encoded, decoded, both or neither: the part that the strategies "modality cross" share.

An inner strategy says which tokens would be encoded and decoded. Then each sample draws the band groups that may be
encoded and those that may be decoded, and a token keeps its code only in a group with that role. Where the inner
strategy gives a modality no structure, and where a group has one token, the group takes its role whole.
"""

# B samples, P band groups
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, TARGET_ONLY
from olmoearth_core.interfaces.masking import Draw, Masking
from olmoearth_core.interfaces.modality import Kind, ModalitySpec
from olmoearth_masking.band_groups import Group, band_groups, some
from olmoearth_masking.choice import Choosy
from olmoearth_masking.redraw import Redraw
from olmoearth_masking.selection import Selection


@dataclass(frozen=True)
class ModalityCross:
    """Select band groups on top of an inner strategy.

    name: what metrics call it.
    structured: kinds of modalities that the inner strategy masks in its own way; the others take their role whole.
    only_decode: modalities that are never encoded.
    """

    name: str
    inner: Masking
    structured: frozenset[Kind]
    selection: Selection
    redraw: Redraw
    only_decode: frozenset[str]

    @property
    def encode_ratio(self) -> float:
        """Of the inner strategy."""
        return self.redraw.encode_ratio

    @property
    def decode_ratio(self) -> float:
        """Of the inner strategy."""
        return self.redraw.decode_ratio

    def suits(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec]) -> Tensor:
        """Return which samples the inner strategy suits, bool [B]."""
        if isinstance(self.inner, Choosy):
            return self.inner.suits(present, specs)
        first = next(iter(present.values()))
        return torch.ones(len(first), dtype=torch.bool, device=first.device)

    def mask(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], draw: Draw) -> dict[str, Tensor]:
        """Draw the codes of all samples."""
        inner = self.inner.mask(present, specs, draw.child("inner"))
        groups = band_groups(present, specs)
        if not groups:
            return inner
        there_BP, whole_BP = some(present, groups), self._whole(present, groups)
        shown_BP = some({name: codes == ENCODE for name, codes in inner.items()}, groups)
        may_encode_BP = there_BP & (shown_BP | whole_BP)
        for number, (spec, _) in enumerate(groups):
            if spec.name in self.only_decode:
                may_encode_BP[:, number] = False
        encoded_BP, decoded_BP = self.selection.choose(there_BP, may_encode_BP, groups, draw)
        masks = {name: codes.clone() for name, codes in inner.items()}
        for number, (spec, i) in enumerate(groups):
            roles = (table[:, number] for table in (encoded_BP, decoded_BP, whole_BP))
            masks[spec.name][..., i] = _obey(inner[spec.name][..., i], *roles)
        free = {s.name: torch.full_like(there_BP[:, 0], s.name not in self.only_decode) for s in specs}
        return self.redraw.mask(masks, free, draw)

    def _whole(self, present: Mapping[str, Tensor], groups: Sequence[Group]) -> Tensor:
        """Return the groups that take their role with all tokens, bool [B,P]."""
        columns = []
        for spec, i in groups:
            alone_B = present[spec.name][..., i : i + 1].flatten(1).sum(1) == 1
            columns.append(alone_B if spec.kind in self.structured else torch.ones_like(alone_B))
        return torch.stack(columns, dim=1)


def _obey(codes: Tensor, encoded_B: Tensor, decoded_B: Tensor, whole_B: Tensor) -> Tensor:
    """Take from one band group, [B,...], the codes of the roles that it does not have."""
    encoded, decoded, whole = (r.reshape(-1, *[1] * (codes.dim() - 1)) for r in (encoded_B, decoded_B, whole_B))
    there = codes != MISSING
    codes = codes.masked_fill(there & whole & decoded, DECODE).masked_fill(there & whole & encoded, ENCODE)
    lost = (codes == ENCODE) & ~encoded | (codes == DECODE) & ~decoded
    return codes.masked_fill(lost, TARGET_ONLY)
