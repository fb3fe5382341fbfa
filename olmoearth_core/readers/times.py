"""When something was taken, as names, metadata and users write it; always UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from olmoearth_core.errors import ConfigError

_MONTH = re.compile(r"\d{4}-\d{2}")
_DAY = re.compile(r"(?<!\d)(20\d\d)-?(\d\d)-?(\d\d)(?:[T_]?(\d\d):?(\d\d):?(\d\d))?(?!\d)")


def utc(text: str) -> datetime | None:
    """Return a time in ISO form, a month alone as its first day, or None for anything else."""
    try:
        time = datetime.fromisoformat(f"{text}-01" if _MONTH.fullmatch(text) else text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def declared_time(text: str) -> datetime | None:
    """Return a time that the user declared; "" = None.

    Raises:
        ConfigError: it is no date.
    """
    time = utc(text) if text else None
    if text and time is None:
        raise ConfigError(f'time = "{text}": expected a date such as "2021-07-23" or "2021-07-23T13:22:41".')
    return time


def moment(text: str) -> datetime | None:
    """Return the first date, and the time after it, in a name; midnight where no time is given. None if none."""
    for found in _DAY.finditer(text):
        numbers = [int(part) for part in found.groups() if part is not None]
        try:
            return datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type, misc]
        except ValueError:
            continue
    return None
