"""Requests to object stores, signed by keys: AWS Signature Version 4 for reading, and nothing else.

A client library would bring its own retries, limits and logs; this is one page of hashing.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

_EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Keys:
    """An account's keys. session: the third part of temporary ones."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    session: str = field(default="", repr=False)


def signed_headers(
    method: str, url: str, headers: Mapping[str, str], keys: Keys, region: str, now: datetime
) -> dict[str, str]:
    """Return the headers with those that sign them. url: already quoted, without a query. now: UTC."""
    parts = urlsplit(url)
    time = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    sent = {**headers, "x-amz-date": time, "x-amz-content-sha256": _EMPTY}
    if keys.session:
        sent["x-amz-security-token"] = keys.session
    named = {"host": parts.netloc, **{k.lower(): " ".join(v.split()) for k, v in sent.items()}}
    names = ";".join(sorted(named))
    lines = [method, parts.path or "/", parts.query, *(f"{n}:{named[n]}" for n in sorted(named)), "", names, _EMPTY]
    scope = f"{time[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", time, scope, hashlib.sha256("\n".join(lines).encode()).hexdigest()])
    secret = f"AWS4{keys.secret}".encode()
    for part in scope.split("/"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
    claim = f"AWS4-HMAC-SHA256 Credential={keys.key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**sent, "Authorization": claim}
