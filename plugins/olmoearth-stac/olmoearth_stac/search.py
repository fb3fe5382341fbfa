"""Asking a STAC API, with pystac-client for the protocol and our own client for the requests.

pystac-client knows how pages are linked; its retries draw lots and its log has whole addresses, so each request goes
through `Web`, which repeats it by the schedule and keeps the rate.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from pystac.errors import STACError, STACTypeError
from pystac_client import Client
from pystac_client.errors import ClientTypeError
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO

from olmoearth_core.errors import DataError
from olmoearth_stac.profile import Profile
from olmoearth_stac.queries import Query
from olmoearth_stac.secrecy import plain
from olmoearth_stac.web import Again, Refused, Web

PAGE = 100
"""Items per page; the catalogues here allow 250 to 1000."""
_MOST = 10_000
"""Items of one query; more means that it does not ask for what was meant, or that pages go in a circle."""

_STAC_ERRORS = (APIError, ClientTypeError, STACError, STACTypeError)


class _Requests(StacApiIO):
    """Sends the requests of pystac-client through `Web`."""

    def __init__(self, web: Web) -> None:
        super().__init__(max_retries=None)
        self.web = web

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> str:
        """Return the text of an answer."""
        verb = (method or "GET").upper()
        if not href.lower().startswith(("http://", "https://")):
            raise DataError(f"{plain(href)}: the catalogue links to it, but it is no address of http or https.")
        more: dict[str, Any] = {"json": parameters} if verb == "POST" else {"params": parameters or {}}
        try:
            return self.web.tried(href, lambda: _json_text(self.web.text(verb, href, headers=headers, **more)))
        except Refused as refused:
            raise DataError(
                f"{plain(href)}: {refused}. Is it the address of a STAC API, and does it have the collection?"
            ) from None


def search(profile: Profile, asked: Sequence[Query], web: Web) -> Iterator[tuple[Query, list[dict[str, Any]]]]:
    """Yield each query with its items, in the catalogue's order.

    Raises:
        Unreachable: the catalogue does not answer. DataError: it answers what is no STAC; says what was found.
    """
    if not asked:
        return
    client = _said(profile.url, lambda: _opened(profile.url, web))
    for query in asked:
        yield query, _said(profile.url, partial(_items, client, query, profile.method))


def _opened(url: str, web: Web) -> Client:
    with warnings.catch_warnings():
        # Catalogues that declare too little still answer; those that do not are caught by what they send.
        warnings.simplefilter("ignore")
        return Client.open(url, stac_io=_Requests(web))


def _items(client: Client, query: Query, method: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pages = client.search(method=method, limit=PAGE, **query.parameters()).pages_as_dicts()
        for page in pages:
            features = page.get("features")
            if not isinstance(features, list) or not all(isinstance(f, dict) for f in features):
                raise ValueError("a page without a list of features")
            found.extend(features)
            if len(found) > _MOST:
                raise ValueError(f"more than {_MOST:,} items for one window in collection {query.collection}")
    return found


def _said(url: str, once: Callable[[], Any]) -> Any:
    try:
        return once()
    except (*_STAC_ERRORS, ValueError, KeyError, TypeError, AttributeError, NotImplementedError) as error:
        # Texts of pystac may quote an answer, which may quote an address with a token in it.
        text = " ".join(str(error).split())[:200]
        found = type(error).__name__ + ("" if "://" in text else f": {text}")
        raise DataError(
            f"{plain(url)}: its answer is not what a STAC API sends ({found}). Give the address of the catalogue's "
            "landing page."
        ) from None


def _json_text(text: str) -> str:
    if not text.lstrip().startswith(("{", "[")):
        raise Again("the answer is no JSON")
    return text
