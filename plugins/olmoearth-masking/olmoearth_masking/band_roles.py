"""Which band groups are shown and which are predicted, where none is both, and a share of the tokens of each.

The part that the strategies "with decode" share. A sample's only band group takes both roles.
"""

# B samples, N tokens of one band group, G band groups that may be shown, R = samples of several groups
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.data.tokens import DECODE, MISSING
from olmoearth_core.interfaces.masking import Draw
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_masking.band_groups import Group, band_groups, lots, some
from olmoearth_masking.by_lot import codes_of
from olmoearth_masking.counting import ceil, floor, rank


@dataclass(frozen=True)
class Role:
    """What one band group does in each sample, bool [B]."""

    shows: Tensor
    predicts: Tensor


@dataclass(frozen=True)
class Part:
    """One band group of a batch: where it has tokens, what it does, and its codes; both [B,H,W,T], [B,T] or [B]."""

    spec: ModalitySpec
    group: int
    there: Tensor
    role: Role
    codes: Tensor


@dataclass(frozen=True)
class BandRoles:
    """Split the band groups of each sample between encoder and decoder.

    always_predicts: see that a sample predicts something wherever it has two tokens, however uneven the ratios are.
    """

    encode_ratio: float
    decode_ratio: float
    only_decode: frozenset[str]
    always_predicts: bool = False

    def parts(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], draw: Draw) -> list[Part]:
        """Return the band groups that may be shown, masked at random within their roles."""
        groups = band_groups(present, [spec for spec in specs if spec.name not in self.only_decode])
        if not groups:
            return []
        only = [present[spec.name].flatten(1).any(1) for spec in specs if spec.name in self.only_decode]
        roles = self._roles(some(present, groups), lots(draw, "role", groups), only)
        theres = [present[spec.name][..., i] for spec, i in groups]
        codes = self._codes(groups, theres, roles, draw)
        together = zip(groups, theres, roles, codes, strict=True)
        return [Part(spec, i, there, role, code) for (spec, i), there, role, code in together]

    def _codes(
        self, groups: Sequence[Group], theres: Sequence[Tensor], roles: Sequence[Role], draw: Draw
    ) -> list[Tensor]:
        """Mask groups at random; those of equally many tokens as if they were samples of one, which takes less time."""
        alike: dict[int, list[int]] = {}
        for place, there in enumerate(theres):
            alike.setdefault(there[0].numel(), []).append(place)
        codes = list(theres)
        for num, places in alike.items():
            there_RN = torch.cat([theres[k].reshape(len(theres[k]), num) for k in places])
            role = Role(torch.cat([roles[k].shows for k in places]), torch.cat([roles[k].predicts for k in places]))
            uniform_RN = torch.cat([draw(f"tokens/{groups[k][0].name}/{groups[k][1]}", num) for k in places])
            found = self._at_random(there_RN, role, uniform_RN).chunk(len(places))
            for k, code_BN in zip(places, found, strict=True):
                codes[k] = code_BN.reshape(theres[k].shape)
        return codes

    def _roles(self, there_BG: Tensor, lots_BG: Tensor, only: Sequence[Tensor]) -> list[Role]:
        """Return which groups show and which predict; a sample's only group does both."""
        count_B1 = there_BG.sum(1, keepdim=True)
        place_BG = rank(lots_BG, there_BG)
        encoders_B1 = ceil(count_B1, self.encode_ratio)
        if self.always_predicts and self.decode_ratio:
            maps_B1 = torch.stack([torch.zeros_like(there_BG[:, 0]), *only]).any(0)[:, None]
            encoders_B1 = torch.where(maps_B1, encoders_B1, torch.minimum(encoders_B1, count_B1 - 1))
        alone_BG = (count_B1 == 1) & there_BG
        shows_BG = there_BG & (place_BG < encoders_B1) | alone_BG
        predicts_BG = there_BG & (place_BG >= encoders_B1) | alone_BG
        return [Role(*both) for both in zip(shows_BG.unbind(1), predicts_BG.unbind(1), strict=True)]

    def _at_random(self, there_BN: Tensor, role: Role, uniform_BN: Tensor) -> Tensor:
        """Show or predict a share of the tokens that are there."""
        count_B = there_BN.sum(1)
        encode_B = floor(count_B, self.encode_ratio).clamp(min=1 if self.encode_ratio else 0) * role.shows
        decode_B = floor(count_B, self.decode_ratio)
        may_be_none = role.shows & (not self.always_predicts)
        at_least = (role.predicts & ~may_be_none & bool(self.decode_ratio)).long()
        decode_B = torch.minimum(torch.maximum(decode_B, at_least) * role.predicts, count_B - encode_B)
        return codes_of(rank(uniform_BN, there_BN), encode_B, decode_B)


def join(parts: Sequence[Part], present: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Put the parts back into their modalities; what has no part is predicted as far as it is there."""
    masks = {name: torch.full_like(there, DECODE, dtype=torch.int8) for name, there in present.items()}
    for part in parts:
        masks[part.spec.name][..., part.group] = part.codes
    return {name: mask.masked_fill(~present[name], MISSING) for name, mask in masks.items()}
