"""Each band group is either shown or predicted, never both, with a random share of its tokens.

Maps and other `only_decode_modalities` are always predicted whole. The rest of a sample's band groups draw lots for
the two roles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from olmoearth_core.interfaces.masking import Draw, Masking
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_masking.band_roles import BandRoles, join
from olmoearth_masking.legacy import legacy_masking
from olmoearth_masking.role_options import check_names, check_ratios

_NAME = "masking.random_with_decode.v1"


def random_with_decode(
    *,
    encode_ratio: float = 0.5,
    decode_ratio: float = 0.5,
    only_decode_modalities: list[str] | None = None,
    legacy: bool = False,
) -> Masking:
    """Split band groups between encoder and decoder, random tokens inside each.

    encode_ratio: share of the band groups that get the encoder role (rounded up; one is left to predict where a sample
        has nothing else to predict), and of the tokens that such a group shows (rounded down, at least one).
    decode_ratio: share of the tokens that a group with the decoder role has to predict (rounded down, at least one).
    only_decode_modalities: never shown, always predicted as far as they are there; null = none.
    legacy: draw and round as the reference does; there a group of a single token is always shown.

    Raises:
        ConfigError: a ratio outside [0, 1], encode_ratio and decode_ratio above 1 together, or a name given twice.
    """
    check_ratios(_NAME, encode_ratio, decode_ratio)
    check_names(_NAME, only_decode_modalities=only_decode_modalities)
    if legacy:
        return legacy_masking(
            "random_with_decode",
            encode_ratio=encode_ratio,
            decode_ratio=decode_ratio,
            only_decode_modalities=list(only_decode_modalities or ()),
        )
    only = frozenset(only_decode_modalities or ())
    return _RandomWithDecode(BandRoles(encode_ratio, decode_ratio, only, always_predicts=True))


@dataclass(frozen=True)
class _RandomWithDecode:
    roles: BandRoles

    def mask(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], draw: Draw) -> dict[str, Tensor]:
        """Draw the codes of all samples."""
        return join(self.roles.parts(present, specs, draw), present)
