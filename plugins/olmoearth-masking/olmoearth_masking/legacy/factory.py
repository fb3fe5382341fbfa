"""Which of the reference's algorithms answers to which key, and which options it refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from olmoearth_core.errors import ConfigError
from olmoearth_masking.legacy.along_axes import Space, Time
from olmoearth_masking.legacy.at_random import AtRandom, Increasing, InRange
from olmoearth_masking.legacy.band_choice import BandChoice
from olmoearth_masking.legacy.either import Either
from olmoearth_masking.legacy.modality_cross import ModalityCross
from olmoearth_masking.legacy.strategy import Algorithm, LegacyMasking
from olmoearth_masking.legacy.whole_modalities import Fixed, Selectable
from olmoearth_masking.legacy.with_decode import WithDecode

Names = Sequence[str] | None


def legacy_masking(key: str, **options: Any) -> LegacyMasking:
    """Make the reference's strategy of this key with the reference's options; null lists are empty ones.

    Raises:
        ConfigError: an unknown key or option, an option that is missing, or a value that the strategy refuses.
    """
    if key not in KEYS:
        raise ConfigError(f"legacy masking: there is no strategy {key!r}. Choose one of {', '.join(KEYS)}.")
    try:
        algorithm = KEYS[key](**options)
    except TypeError as error:
        raise ConfigError(f"legacy masking {key}: {error}. Correct the options of [masking].") from error
    except ValueError as error:
        raise ConfigError(f"legacy masking {key}: {error}") from error
    return LegacyMasking(key.replace("_", ""), algorithm)


def _ratios(encode: float, decode: float) -> tuple[float, float]:
    """Return the ratios where both are taken from the same tokens."""
    _share(encode_ratio=encode, decode_ratio=decode)
    if encode + decode > 1 + 1e-9:
        raise ValueError(f"encode_ratio {encode} and decode_ratio {decode} must not exceed 1 together.")
    return encode, decode


def _share(**ratios: float | None) -> None:
    for name, value in ratios.items():
        if value is not None and not 0 <= value <= 1:
            raise ValueError(f"{name} must lie in [0, 1], but is {value}.")


def _random(*, encode_ratio: float = 0.5, decode_ratio: float = 0.5) -> AtRandom:
    return AtRandom(*_ratios(encode_ratio, decode_ratio))


def _space(*, encode_ratio: float = 0.5, decode_ratio: float = 0.5) -> Space:
    return Space(*_ratios(encode_ratio, decode_ratio))


def _time(*, encode_ratio: float = 0.5, decode_ratio: float = 0.5) -> Time:
    return Time(*_ratios(encode_ratio, decode_ratio))


def _space_time(**ratios: float) -> Either:
    return Either(_space(**ratios), _time(**ratios), needs_time=True)


def _random_space(**ratios: float) -> Either:
    return Either(_space(**ratios), _random(**ratios), needs_time=False)


def _random_increasing(
    *,
    initial_encode_ratio: float = 0.5,
    final_encode_ratio: float = 0.1,
    initial_decode_ratio: float = 0.5,
    final_decode_ratio: float = 0.9,
    steps: int = 1000,
) -> Increasing:
    first = _ratios(initial_encode_ratio, initial_decode_ratio)
    return Increasing(first, _ratios(final_encode_ratio, final_decode_ratio), steps)


def _random_range(
    *,
    min_encode_ratio: float = 0.1,
    max_encode_ratio: float = 0.5,
    min_decode_ratio: float | None = None,
    max_decode_ratio: float | None = None,
) -> InRange:
    if (min_decode_ratio is None) != (max_decode_ratio is None):
        raise ValueError(
            f"min_decode_ratio and max_decode_ratio must both be given or both be null, but they are "
            f"{min_decode_ratio} and {max_decode_ratio}."
        )
    _share(
        min_encode_ratio=min_encode_ratio,
        max_encode_ratio=max_encode_ratio,
        min_decode_ratio=min_decode_ratio,
        max_decode_ratio=max_decode_ratio,
    )
    given = min_decode_ratio is not None and max_decode_ratio is not None
    decode = cast(tuple[float, float], (min_decode_ratio, max_decode_ratio)) if given else None
    return InRange((min_encode_ratio, max_encode_ratio), decode)


def _random_fixed_modality(
    *, decoded_modalities: Sequence[str], randomize_missing_modalities: Names = None, **ratios: float
) -> Fixed:
    return Fixed(_random(**ratios), tuple(decoded_modalities), tuple(randomize_missing_modalities or ()))


def _selectable_modality(
    *, decodable_modalities: Names, fully_mask_modalities: Names, max_to_mask: int, **ratios: float
) -> Selectable:
    return Selectable(
        _random(**ratios), tuple(decodable_modalities or ()), tuple(fully_mask_modalities or ()), max_to_mask, False
    )


def _selectable_random_range_modality(
    *, decodable_modalities: Names, fully_mask_modalities: Names, max_to_mask: int, **ratios: float
) -> Selectable:
    inner = _random_range(**ratios)
    return Selectable(inner, tuple(decodable_modalities or ()), tuple(fully_mask_modalities or ()), max_to_mask, True)


def _modality_cross(
    inner: Algorithm,
    *,
    allow_encoding_decoding_same_bandset: bool = False,
    min_encoded_bandsets: int | None = 2,
    max_encoded_bandsets: int | None = None,
    min_decoded_bandsets: int | None = None,
    max_decoded_bandsets: int | None = None,
    only_decode_modalities: Names = None,
) -> ModalityCross:
    if min_encoded_bandsets is None and max_encoded_bandsets is not None:
        raise ValueError(f"max_encoded_bandsets is {max_encoded_bandsets}, so min_encoded_bandsets must be given too.")
    if min_encoded_bandsets is not None and min_encoded_bandsets <= 1:
        raise ValueError(f"min_encoded_bandsets must be more than 1, but is {min_encoded_bandsets}.")
    choice = BandChoice(
        allow_encoding_decoding_same_bandset,
        (min_encoded_bandsets, max_encoded_bandsets),
        (min_decoded_bandsets, max_decoded_bandsets),
        frozenset(only_decode_modalities or ()),
    )
    return ModalityCross(inner, choice, needs_space=isinstance(inner, Space))


def _modality_cross_random(*, encode_ratio: float = 0.5, decode_ratio: float = 0.5, **options: Any) -> ModalityCross:
    return _modality_cross(AtRandom(*_ratios(encode_ratio, decode_ratio)), **options)


def _modality_cross_space(*, encode_ratio: float = 0.5, decode_ratio: float = 0.5, **options: Any) -> ModalityCross:
    return _modality_cross(Space(*_ratios(encode_ratio, decode_ratio)), **options)


def _modality_cross_space_time(**options: Any) -> Either:
    inner = _modality_cross_space(**options)
    return Either(inner, inner, needs_time=True)


def _with_decode(
    *,
    encode_ratio: float = 0.5,
    decode_ratio: float = 0.5,
    random_ratio: float | None = None,
    only_decode_modalities: Names = None,
) -> WithDecode:
    _share(encode_ratio=encode_ratio, decode_ratio=decode_ratio, random_ratio=random_ratio)
    return WithDecode(encode_ratio, decode_ratio, random_ratio, frozenset(only_decode_modalities or ()))


def _random_with_decode(
    *, encode_ratio: float = 0.5, decode_ratio: float = 0.5, only_decode_modalities: Names = None
) -> WithDecode:
    return _with_decode(
        encode_ratio=encode_ratio, decode_ratio=decode_ratio, only_decode_modalities=only_decode_modalities
    )


def _random_time_with_decode(*, random_ratio: float = 0.5, **options: Any) -> WithDecode:
    return _with_decode(random_ratio=random_ratio, **options)


KEYS: Mapping[str, Callable[..., Algorithm]] = {
    "random": _random,
    "space": _space,
    "time": _time,
    "space_time": _space_time,
    "random_space": _random_space,
    "random_increasing": _random_increasing,
    "random_range": _random_range,
    "random_fixed_modality": _random_fixed_modality,
    "selectable_modality": _selectable_modality,
    "selectable_random_range_modality": _selectable_random_range_modality,
    "modality_cross_random": _modality_cross_random,
    "modality_cross_space": _modality_cross_space,
    # The reference builds its time variant on space too, so the two give equal masks.
    "modality_cross_time": _modality_cross_space,
    "modality_cross_space_time": _modality_cross_space_time,
    "random_with_decode": _random_with_decode,
    "random_time_with_decode": _random_time_with_decode,
}
"""The 16 keys of the reference."""
