"""Hide vertical stripes of the ground: what is hidden is hidden in every image, in every month.

Neighbouring columns give away much of what lies between them, so wider stripes make a harder task.
"""

# B samples, H W patches, T steps, S band groups, N stripes
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.data.tokens import DECODE, ENCODE, MISSING
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.masking import Draw, Masking
from olmoearth_core.interfaces.modality import ModalitySpec


def stripes(*, decode: float = 0.5, width: int = 1) -> Masking:
    """Predict whole columns of patches from the others.

    decode: share of the stripes to predict, rounded; the encoder sees the rest, and all that is not spatial.
    width: of a stripe, in patches.
    """
    if not 0 < decode < 1 or width < 1:
        raise ConfigError(
            f"stripes: decode must lie between 0 and 1 and width be at least 1, got {decode} and {width}."
        )
    return _Stripes(decode, width)


@dataclass(frozen=True)
class _Stripes:
    decode: float
    width: int

    def mask(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], draw: Draw) -> dict[str, Tensor]:
        """Return one code per token; the stripes of a sample are the same in all its modalities."""
        return {spec.name: self._codes(present[spec.name], spec, draw) for spec in specs}

    def _codes(self, present: Tensor, spec: ModalitySpec, draw: Draw) -> Tensor:
        codes = torch.full(present.shape, ENCODE, dtype=torch.int8)
        if spec.spatial:
            hidden_BW = self._hidden(present.shape[2], draw)
            codes[hidden_BW[:, None, :, None, None].expand(present.shape)] = DECODE
        return codes.masked_fill(~present, MISSING)

    def _hidden(self, columns: int, draw: Draw) -> Tensor:
        count = -(-columns // self.width)
        rank_BN = draw("stripes", count).argsort(dim=1).argsort(dim=1)
        hidden_BN = rank_BN < round(self.decode * count)
        return hidden_BN.repeat_interleave(self.width, dim=1)[:, :columns]
