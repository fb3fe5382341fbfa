"""A scene that exists but cannot be had now, unlike one that is broken for good."""

from __future__ import annotations

from olmoearth_core.errors import DataError


class Unreachable(DataError):
    """Raised by a candidate's `open` or `clear` while its provider does not answer.

    A broken scene is passed over, and the next one serves. This one may be there tomorrow, so its tile is not made at
    all: the same command must give the same store whatever the network did.
    """
