"""Each band group is either shown or predicted, never both; in some samples the split also runs along time.

Maps and other `only_decode_modalities` are always predicted whole. The rest of a sample's band groups draw lots for
the two roles. In a random sample a group shows (or predicts) a share of its tokens; in a time sample it does so with
all tokens of some dates, and what is predicted lies at other dates than what is shown.
"""

# B samples, N tokens of one band group, G band groups that may be shown, T steps
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING, TARGET_ONLY
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.masking import Draw, Masking
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_masking.counting import ceil, floor, rank


def random_time_with_decode(
    *,
    encode_ratio: float = 0.5,
    decode_ratio: float = 0.5,
    random_ratio: float = 0.5,
    only_decode_modalities: list[str] | None = None,
) -> Masking:
    """Split band groups between encoder and decoder, at random or along time.

    encode_ratio: share of the band groups that get the encoder role (rounded up), of the tokens such a group shows
        (rounded down, at least one), and of the dates that are shown in a time sample (rounded up).
    decode_ratio: share of the tokens that a group with the decoder role has to predict (rounded down, at least one).
    random_ratio: share of samples masked at random; the others are masked along time where they have two dates.
    only_decode_modalities: never shown, always predicted as far as they are there; null = none.

    Raises:
        ConfigError: a ratio outside [0, 1], or encode_ratio and decode_ratio above 1 together.
    """
    ratios = {"encode_ratio": encode_ratio, "decode_ratio": decode_ratio, "random_ratio": random_ratio}
    wrong = {name: value for name, value in ratios.items() if not 0 <= value <= 1}
    if wrong or encode_ratio + decode_ratio > 1 + 1e-9:
        raise ConfigError(
            f"masking.random_time_with_decode.v1: ratios must lie in [0, 1], and encode_ratio and decode_ratio must "
            f"not exceed 1 together, but they are {ratios}."
        )
    return _RandomTimeWithDecode(encode_ratio, decode_ratio, random_ratio, frozenset(only_decode_modalities or ()))


@dataclass(frozen=True)
class _RandomTimeWithDecode:
    encode_ratio: float
    decode_ratio: float
    random_ratio: float
    only_decode: frozenset[str]

    def mask(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], draw: Draw) -> dict[str, Tensor]:
        """Draw the codes of all samples."""
        may_show = [spec for spec in specs if spec.name not in self.only_decode]
        groups = [(spec, i) for spec in may_show for i in range(present[spec.name].shape[-1])]
        masks = {s.name: torch.full_like(present[s.name], DECODE, dtype=torch.int8) for s in specs}
        if groups:
            roles = self._roles([present[spec.name][..., i] for spec, i in groups], groups, draw)
            times = self._times([present[spec.name] for spec in may_show if spec.kind == "space_time"], draw)
        for number, (spec, i) in enumerate(groups):
            there = present[spec.name][..., i]
            role = _Role(*(r[:, number] for r in roles))
            at_random = self._at_random(
                there.reshape(len(there), -1), role, draw(f"tokens/{spec.name}/{i}", there[0].numel())
            )
            codes = at_random.reshape(there.shape)
            if times is not None and spec.kind == "space_time":
                codes = _along_time(codes, there, role, times)
            masks[spec.name][..., i] = codes
        return {name: mask.masked_fill(~present[name], MISSING) for name, mask in masks.items()}

    def _roles(
        self, present: Sequence[Tensor], groups: Sequence[tuple[ModalitySpec, int]], draw: Draw
    ) -> tuple[Tensor, Tensor]:
        """Return which groups show and which predict, bool [B,G] each; a sample's only group does both."""
        there_BG = torch.stack([p.reshape(len(p), -1).any(1) for p in present], dim=1)
        lots_BG = torch.cat([draw(f"role/{spec.name}/{i}", 1) for spec, i in groups], dim=1)
        count_B1 = there_BG.sum(1, keepdim=True)
        place_BG = rank(lots_BG, there_BG)
        encoders_B1 = ceil(count_B1, self.encode_ratio)
        shows = there_BG & (place_BG < encoders_B1)
        predicts = there_BG & (place_BG >= encoders_B1)
        alone = count_B1 == 1
        return shows | (there_BG & alone), predicts | (there_BG & alone)

    def _times(self, present: Sequence[Tensor], draw: Draw) -> _Times | None:
        """Draw the dates that are shown and predicted; None without space-time modalities."""
        if not present:
            return None
        there_BT = torch.stack([p.any(-1).flatten(1, 2).any(1) for p in present]).any(0)
        count_B1 = there_BT.sum(1, keepdim=True)
        place_BT = rank(draw("dates", there_BT.shape[1]), there_BT)
        first = place_BT < ceil(count_B1, self.encode_ratio)
        along_time = (count_B1[:, 0] > 1) & (draw("mode", 1)[:, 0] >= self.random_ratio)
        return _Times(along_time, there_BT & first, there_BT & ~first)

    def _at_random(self, there_BN: Tensor, role: _Role, uniform_BN: Tensor) -> Tensor:
        """Show or predict a share of the tokens that are there."""
        count_B = there_BN.sum(1)
        encode_B = floor(count_B, self.encode_ratio).clamp(min=1 if self.encode_ratio else 0) * role.shows
        decode_B = floor(count_B, self.decode_ratio)
        at_least = (role.predicts & ~role.shows & bool(self.decode_ratio)).long()
        decode_B = torch.minimum(torch.maximum(decode_B, at_least) * role.predicts, count_B - encode_B)
        place_BN = rank(uniform_BN, there_BN)
        codes = torch.full_like(there_BN, TARGET_ONLY, dtype=torch.int8)
        codes = codes.masked_fill(place_BN < (encode_B + decode_B)[:, None], DECODE)
        return codes.masked_fill(place_BN < encode_B[:, None], ENCODE)


@dataclass(frozen=True)
class _Role:
    """What one band group does in each sample, bool [B]."""

    shows: Tensor
    predicts: Tensor


@dataclass(frozen=True)
class _Times:
    """Which samples are masked along time, bool [B], and which dates are shown and predicted there, bool [B,T]."""

    along: Tensor
    shown: Tensor
    predicted: Tensor


def _along_time(codes_BHWT: Tensor, there_BHWT: Tensor, role: _Role, times: _Times) -> Tensor:
    """Replace random codes by whole dates, where a sample asks for it and the group has tokens at those dates."""
    dates_BT = torch.where(role.shows[:, None], times.shown, times.predicted)
    chosen = dates_BT[:, None, None, :].expand_as(there_BHWT)
    some_B = (chosen & there_BHWT).flatten(1).any(1)
    acts_B = times.along & some_B & (role.shows ^ role.predicts)
    code_B = torch.where(role.shows, ENCODE, DECODE).to(codes_BHWT.dtype)[:, None, None, None]
    structured = torch.where(chosen, code_B, torch.full_like(code_B, TARGET_ONLY))
    return torch.where(acts_B[:, None, None, None], structured, codes_BHWT)
