"""What the strategies that decide per modality or band group refuse in a config."""

from __future__ import annotations

from collections.abc import Sequence

from olmoearth_core.errors import ConfigError


def metric_name(component: str) -> str:
    """Return what the reference's metrics call a strategy: masking.random_range.v1 is randomrange."""
    return component.split(".")[1].replace("_", "")


def check_ratios(where: str, encode_ratio: float, decode_ratio: float, **others: float) -> None:
    """Refuse shares outside [0, 1], and those of encoder and decoder that exceed 1 together."""
    ratios = {"encode_ratio": encode_ratio, "decode_ratio": decode_ratio, **others}
    wrong = [value for value in ratios.values() if not 0 <= value <= 1]
    if wrong or encode_ratio + decode_ratio > 1 + 1e-9:
        raise ConfigError(
            f"{where}: ratios must lie in [0, 1], and encode_ratio and decode_ratio must not exceed 1 together, "
            f"but they are {ratios}. Lower one of them."
        )


def check_names(where: str, **lists: Sequence[str] | None) -> None:
    """Refuse a modality that is named twice in one list, and a word where a list is meant."""
    for option, names in lists.items():
        if isinstance(names, str):
            raise ConfigError(f'{where}: {option} is the word "{names}", but must be a list. Write ["{names}"].')
        twice = sorted({name for name in names or () if list(names or ()).count(name) > 1})
        if twice:
            raise ConfigError(f"{where}: {option} names {', '.join(twice)} twice. Name each modality once.")
