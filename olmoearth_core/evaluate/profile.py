"""Named ways to score: the default, and those that repeat somebody else's numbers, quirks included.

A profile changes no code path by itself. Benchmarks and evaluators look at its name where they know of a quirk, and
every result row carries it, so that numbers of different profiles are never mistaken for each other.
"""

from __future__ import annotations

from olmoearth_core.choice import one_of

DEFAULT = "default"
REFERENCE = "reference-2026.07"
"""What olmoearth_pretrain computes at its snapshot of July 2026."""
PROFILES = (DEFAULT, REFERENCE)


def checked(name: str) -> str:
    """Return the name of a profile.

    Raises:
        ConfigError: no such profile.
    """
    return one_of(name, PROFILES, "profile")
