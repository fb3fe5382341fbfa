"""A setting that is one of a few words: the word itself, or an error that says which there are and which was meant."""

from __future__ import annotations

from collections.abc import Iterable

from olmoearth_core.errors import ConfigError
from olmoearth_core.names import closest


def one_of(value: str, known: Iterable[str], name: str) -> str:
    """Return `value`. name: what the message calls the setting.

    Raises:
        ConfigError: it is not among the known words.
    """
    words = tuple(known)
    if value in words:
        return value
    meant = closest(value, words)
    hint = f' Did you mean "{meant}"?' if meant else ""
    raise ConfigError(f'{name}: found "{value}", expected one of {", ".join(words)}.{hint}')
