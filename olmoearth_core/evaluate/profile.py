"""Named ways to score: the default, and those that repeat somebody else's numbers, quirks included.

A profile changes no code path by itself. Benchmarks and evaluators look at its name where they know of a quirk, and
every result row carries it, so that numbers of different profiles are never mistaken for each other.
"""

from __future__ import annotations

from olmoearth_core.errors import ConfigError
from olmoearth_core.names import closest

DEFAULT = "default"
REFERENCE = "reference-2026.07"
"""What olmoearth_pretrain computes at its snapshot of July 2026."""
PROFILES = (DEFAULT, REFERENCE)


def checked(name: str) -> str:
    """Return the name of a profile.

    Raises:
        ConfigError: no such profile.
    """
    if name not in PROFILES:
        meant = closest(name, PROFILES)
        hint = f' Did you mean "{meant}"?' if meant else ""
        raise ConfigError(f'profile: found "{name}", expected one of {", ".join(PROFILES)}.{hint}')
    return name
