"""From the address in an item to one that can be fetched now, with what it takes to be let in.

Secrets come from the environment and tokens from their endpoint, when they are needed; both stay in memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from olmoearth_core.errors import DataError
from olmoearth_core.ingest.unreachable import Unreachable
from olmoearth_stac.profile import Bucket, Profile, Signing
from olmoearth_stac.s3_signature import Keys, signed_headers
from olmoearth_stac.secrecy import plain
from olmoearth_stac.web import Again, Refused, Web

_MARGIN = timedelta(minutes=5)
"""A token is renewed so long before it ends, as a large file takes its time."""


@dataclass(frozen=True)
class Ticket:
    """What is asked: an address that may hold a token, and headers."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Token:
    text: str
    ends: datetime


def _now() -> datetime:
    return datetime.now(UTC)


_TOKENS: dict[str, _Token] = {}
"""Address of the endpoint -> token, per process."""


@dataclass(frozen=True)
class Access:
    """Opens the doors of one catalogue. now: UTC."""

    profile: Profile
    web: Web
    now: Callable[[], datetime] = _now

    def ticket(self, href: str, headers: Mapping[str, str]) -> Ticket:
        """Return how to fetch an asset. headers: those that the request will have besides.

        Raises:
            DataError: the address is of no kind that is fetched.
            Unreachable: a secret is missing or no token is given; says which variable to set.
            Again: the endpoint of tokens did not answer.
        """
        parts = urlsplit(href)
        if parts.scheme == "s3":
            return self._of_bucket(parts.netloc, parts.path, headers)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise DataError(f"{plain(href)}: expected an address of http, https or s3. Is the item meant for others?")
        endpoint = self._endpoint(href)
        if endpoint is None:
            return Ticket(href, headers)
        glue = "&" if parts.query else "?"
        return Ticket(f"{href}{glue}{self._token(endpoint)}", headers)

    def forget(self, href: str) -> bool:
        """Drop the token of an address that was refused; False if there was none."""
        endpoint = self._endpoint(href)
        return endpoint is not None and _TOKENS.pop(endpoint, None) is not None

    def _endpoint(self, href: str) -> str | None:
        signing, parts = self.profile.signing, urlsplit(href)
        host = parts.hostname or ""
        if signing is None or not host.endswith(signing.hosts):
            return None
        account, container = host.partition(".")[0], unquote(parts.path).strip("/").partition("/")[0]
        if account in signing.open_accounts or not container:
            return None
        return signing.token_url.format(account=quote(account, safe=""), container=quote(container, safe=""))

    def _token(self, endpoint: str) -> str:
        known = _TOKENS.get(endpoint)
        if known is None or known.ends - _MARGIN <= self.now():
            signing = self.profile.signing
            assert signing is not None
            known = _TOKENS[endpoint] = _asked(self.web, endpoint, signing)
        return known.text

    def _of_bucket(self, name: str, path: str, headers: Mapping[str, str]) -> Ticket:
        bucket = self.profile.s3.get(name)
        if bucket is None:
            known = ", ".join(sorted(self.profile.s3)) or "none"
            raise Unreachable(
                f"s3://{name}{path}: the profile {self.profile.name} does not say where bucket {name} is served "
                f"(known: {known}). Add a table [s3.{name}] to a profile of your own."
            )
        url = f"{bucket.endpoint.rstrip('/')}/{name}{quote(unquote(path), safe='/~')}"
        more = {"x-amz-request-payer": "requester"} if bucket.requester_pays else {}
        if not bucket.key_variable:
            return Ticket(url, {**headers, **more})
        keys = _keys(name, bucket)
        return Ticket(url, signed_headers("GET", url, {**headers, **more}, keys, bucket.region, self.now()))


def _keys(name: str, bucket: Bucket) -> Keys:
    values = {v: os.environ.get(v, "") for v in (bucket.key_variable, bucket.secret_variable)}
    if missing := [variable for variable, value in values.items() if not value]:
        raise Unreachable(
            f"bucket {name} at {bucket.endpoint}: ${' and $'.join(missing)} not set. Set the keys of an account there "
            "in the environment; they are written nowhere."
        )
    session = os.environ.get(bucket.session_variable, "") if bucket.session_variable else ""
    return Keys(values[bucket.key_variable], values[bucket.secret_variable], session)


def _asked(web: Web, endpoint: str, signing: Signing) -> _Token:
    key = os.environ.get(signing.key_variable, "") if signing.key_variable else ""
    try:
        # No redirects: the key must not travel to another host.
        text = web.text("GET", endpoint, headers={signing.key_header: key} if key else {}, redirects=False)
        answer: Any = json.loads(text)
        token, ends = str(answer["token"]), datetime.fromisoformat(str(answer["msft:expiry"]))
    except Refused as refused:
        said = f"HTTP {refused.status}"
        hint = f" Is ${signing.key_variable} right?" if key else ""
        raise Unreachable(f"{endpoint}: no token ({said}).{hint} Look at the catalogue's documentation.") from None
    except (ValueError, KeyError, TypeError):
        raise Again("no token in the answer of the token endpoint") from None
    return _Token(token.lstrip("?"), ends if ends.tzinfo else ends.replace(tzinfo=UTC))
