"""Every token draws for itself, at ratios that each sample draws anew for each modality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.masking import Draw, Masking
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_masking.by_lot import at_random
from olmoearth_masking.legacy import legacy_masking

_NAME = "masking.random_range.v1"


def random_range(
    *,
    min_encode_ratio: float = 0.1,
    max_encode_ratio: float = 0.5,
    min_decode_ratio: float | None = None,
    max_decode_ratio: float | None = None,
    legacy: bool = False,
) -> Masking:
    """Mask tokens at random, at ratios drawn uniformly per sample and modality.

    min_encode_ratio, max_encode_ratio: bounds of the share that is encoded.
    min_decode_ratio, max_decode_ratio: of the share that is decoded; null = whatever is not encoded.
    legacy: draw as the reference does; there modalities without axes take the middle of the ranges.

    Raises:
        ConfigError: one bound of the decode range without the other, bounds that are not 0 <= min <= max <= 1, or upper
            bounds above 1 together.
    """
    decode = None if min_decode_ratio is None or max_decode_ratio is None else (min_decode_ratio, max_decode_ratio)
    if (min_decode_ratio is None) != (max_decode_ratio is None):
        raise ConfigError(
            f"{_NAME}: min_decode_ratio is {min_decode_ratio} and max_decode_ratio {max_decode_ratio}. "
            "Give both, or none: then everything that is not encoded is decoded."
        )
    ranges = {"encode": (min_encode_ratio, max_encode_ratio)} | ({} if decode is None else {"decode": decode})
    wrong = [word for word, (low, high) in ranges.items() if not 0 <= low <= high <= 1]
    if wrong or (decode is not None and max_encode_ratio + decode[1] > 1 + 1e-9):
        raise ConfigError(
            f"{_NAME}: ranges must be 0 <= min <= max <= 1, and the upper bounds must not exceed 1 together, but they "
            f"are {ranges}."
        )
    if legacy:
        return legacy_masking(
            "random_range", min_encode_ratio=min_encode_ratio, max_encode_ratio=max_encode_ratio,
            min_decode_ratio=min_decode_ratio, max_decode_ratio=max_decode_ratio,
        )  # fmt: skip
    return _RandomRange((min_encode_ratio, max_encode_ratio), decode)


@dataclass(frozen=True)
class _RandomRange:
    encode: tuple[float, float]
    decode: tuple[float, float] | None

    @property
    def encode_ratio(self) -> float:
        """Middle of the range."""
        return sum(self.encode) / 2

    @property
    def decode_ratio(self) -> float:
        """Middle of the range."""
        return 1 - self.encode_ratio if self.decode is None else sum(self.decode) / 2

    def mask(self, present: Mapping[str, Tensor], specs: Sequence[ModalitySpec], draw: Draw) -> dict[str, Tensor]:
        """Draw the codes of all samples."""
        return {spec.name: self._modality(present[spec.name], spec, draw) for spec in specs}

    def _modality(self, there: Tensor, spec: ModalitySpec, draw: Draw) -> Tensor:
        lots_B2 = draw(f"ratios/{spec.name}", 2)
        encode_B = self.encode[0] + (self.encode[1] - self.encode[0]) * lots_B2[:, 0]
        if self.decode is None:
            return at_random(there, spec, encode_B, 1 - encode_B, draw)
        return at_random(
            there, spec, encode_B, self.decode[0] + (self.decode[1] - self.decode[0]) * lots_B2[:, 1], draw
        )
