"""What of an address may be written down: never what lets its owner in.

Everything that is frozen, logged or said in an error passes here. A query that holds a signature is dropped as a
whole, and so are names and passwords before an `@`.
"""

from __future__ import annotations

import logging
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

_SECRET = re.compile(
    r"(?i)^(sig|signature|.*token.*|x-(amz|goog|oss)-.*|awsaccesskeyid|googleaccessid|.*api[-_]?key.*|key|secret|"
    r"password|subscription[-_]key|policy|key-pair-id|se|sp|sv|sr|skoid|sktid|auth.*)$"
)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\"'<>]+|/[^\s\"'<>?]*\?[^\s\"'<>]+", re.I)


def plain(address: str) -> str:
    """Return an address without signature, token, user and password."""
    try:
        parts = urlsplit(address)
        names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    except ValueError:
        return re.split(r"[?@#]", address, maxsplit=1)[0]
    query = "" if any(_SECRET.match(name) for name in names) else parts.query
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def without_secrets(value: Any) -> Any:
    """Return the same JSON with every address in it plain."""
    if isinstance(value, dict):
        return {key: without_secrets(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_secrets(inner) for inner in value]
    return plain(value) if isinstance(value, str) and "://" in value[:16] else value


class _Hiding(logging.Filter):
    """Makes addresses plain in what a library logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _ADDRESS.sub(lambda found: plain(found[0]), record.getMessage()), ()
        return True


_HIDING = _Hiding()


def quieten() -> None:
    """Hide secrets in the log of the HTTP library, which writes down whole addresses. May be called often."""
    for name in ("urllib3.connectionpool", "urllib3.util.retry"):
        logger = logging.getLogger(name)
        if _HIDING not in logger.filters:
            logger.addFilter(_HIDING)
