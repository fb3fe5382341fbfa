"""When to ask again: doubling waits without chance in them, and what a server itself says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from olmoearth_core.errors import DataError

LONGEST = 600.0
"""Seconds; a server that wants a longer wait is taken to refuse."""


@dataclass(frozen=True)
class Schedule:
    """Waits of `first`, 2 `first`, 4 `first` ... seconds, at most `most`, before each of `retries` further tries."""

    retries: int = 5
    first: float = 1.0
    most: float = 60.0

    def __post_init__(self) -> None:
        if not 0 <= self.retries <= 100:
            raise DataError(f"retries = {self.retries}: expected 0 to 100.")

    def wait(self, tries: int, said: float | None) -> float:
        """Seconds to wait after `tries` tries (1, 2 ...); at least as long as the server said."""
        return max(min(self.most, self.first * 2.0 ** (tries - 1)), said or 0.0)


def retry_after(text: str | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """Return the seconds that a header `Retry-After` asks for (a number or a date, RFC 9110), None if it is none."""
    if not text:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now()).total_seconds())
