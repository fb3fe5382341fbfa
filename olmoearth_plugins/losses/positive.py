"""Options that must be above zero."""

from __future__ import annotations

from olmoearth_core.errors import ConfigError


def positive(component: str, **values: float) -> None:
    """Check that options are above zero.

    Raises:
        ConfigError: one that is not (NaN included).
    """
    for name, value in values.items():
        if not value > 0:
            raise ConfigError(f"olmoearth.{component}.v1: {name} is {value}; it must be above 0.")
