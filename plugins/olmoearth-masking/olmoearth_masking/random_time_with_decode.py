"""Each band group is either shown or predicted, never both; in some samples the split also runs along time.

Maps and other `only_decode_modalities` are always predicted whole. The rest of a sample's band groups draw lots for
the two roles. In a random sample a group shows (or predicts) a share of its tokens; in a time sample it does so with
all tokens of some dates, and what is predicted lies at other dates than what is shown.
"""

# B samples, T steps, H W patches
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from olmoearth_core.data.tokens import DECODE, ENCODE, TARGET_ONLY
from olmoearth_core.interfaces.masking import Draw, Masking
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_masking.band_roles import BandRoles, Part, join
from olmoearth_masking.counting import ceil, rank
from olmoearth_masking.legacy import legacy_masking
from olmoearth_masking.role_options import check_names, check_ratios

_NAME = "masking.random_time_with_decode.v1"


def random_time_with_decode(
    *,
    encode_ratio: float = 0.5,
    decode_ratio: float = 0.5,
    random_ratio: float = 0.5,
    only_decode_modalities: list[str] | None = None,
    legacy: bool = False,
) -> Masking:
    """Split band groups between encoder and decoder, at random or along time.

    encode_ratio: share of the band groups that get the encoder role (rounded up), of the tokens such a group shows
        (rounded down, at least one), and of the dates that are shown in a time sample (rounded up).
    decode_ratio: share of the tokens that a group with the decoder role has to predict (rounded down, at least one).
    random_ratio: share of samples masked at random; the others are masked along time where they have two dates.
    only_decode_modalities: never shown, always predicted as far as they are there; null = none.
    legacy: draw and round as the reference does; there a group of a single token is always shown.

    Raises:
        ConfigError: a ratio outside [0, 1], encode_ratio and decode_ratio above 1 together, or a name given twice.
    """
    check_ratios(_NAME, encode_ratio, decode_ratio, random_ratio=random_ratio)
    check_names(_NAME, only_decode_modalities=only_decode_modalities)
    if legacy:
        return legacy_masking(
            "random_time_with_decode",
            encode_ratio=encode_ratio,
            decode_ratio=decode_ratio,
            random_ratio=random_ratio,
            only_decode_modalities=list(only_decode_modalities or ()),
        )
    roles = BandRoles(encode_ratio, decode_ratio, frozenset(only_decode_modalities or ()))
    return _RandomTimeWithDecode(roles, random_ratio)


@dataclass(frozen=True)
class _RandomTimeWithDecode:
    roles: BandRoles
    random_ratio: float

    def mask(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], draw: Draw) -> dict[str, Tensor]:
        """Draw the codes of all samples."""
        parts = self.roles.parts(present, specs, draw)
        moving = [s for s in specs if s.name not in self.roles.only_decode and s.kind == "space_time"]
        if moving:
            times = self._times([present[spec.name] for spec in moving], draw)
            parts = [_along_time(part, times) if part.spec.kind == "space_time" else part for part in parts]
        return join(parts, present)

    def _times(self, present: Sequence[Tensor], draw: Draw) -> _Times:
        """Draw which samples are split along time, and the dates that are shown and predicted there."""
        there_BT = torch.stack([p.any(-1).flatten(1, 2).any(1) for p in present]).any(0)
        count_B1 = there_BT.sum(1, keepdim=True)
        place_BT = rank(draw("dates", there_BT.shape[1]), there_BT)
        first = place_BT < ceil(count_B1, self.roles.encode_ratio)
        along_time = (count_B1[:, 0] > 1) & (draw("mode", 1)[:, 0] >= self.random_ratio)
        return _Times(along_time, there_BT & first, there_BT & ~first)


@dataclass(frozen=True)
class _Times:
    """Which samples are masked along time, bool [B], and which dates are shown and predicted there, bool [B,T]."""

    along: Tensor
    shown: Tensor
    predicted: Tensor


def _along_time(part: Part, times: _Times) -> Part:
    """Replace random codes by whole dates, where a sample asks for it and the group has tokens at those dates."""
    role = part.role
    dates_BT = torch.where(role.shows[:, None], times.shown, times.predicted)
    chosen_BHWT = dates_BT[:, None, None, :].expand_as(part.there)
    some_B = (chosen_BHWT & part.there).flatten(1).any(1)
    acts_B = times.along & some_B & (role.shows ^ role.predicts)
    code_B = torch.where(role.shows, ENCODE, DECODE).to(part.codes.dtype)[:, None, None, None]
    structured = torch.where(chosen_BHWT, code_B, torch.full_like(code_B, TARGET_ONLY))
    return replace(part, codes=torch.where(acts_B[:, None, None, None], structured, part.codes))
