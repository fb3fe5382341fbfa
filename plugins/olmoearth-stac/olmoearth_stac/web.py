"""Asking servers: with a limit on how often, how long and how much, and again where that may help.

What may pass (a lost connection, 429, 5xx, a torn body) is tried again; what will not (400, 404) is said at once. No
message holds more of an address than may be written down.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import requests

from olmoearth_core.errors import DataError
from olmoearth_core.ingest.unreachable import Unreachable
from olmoearth_stac.rate import Rate
from olmoearth_stac.secrecy import plain, quieten
from olmoearth_stac.waiting import LONGEST, Schedule, retry_after

_PASSING = (408, 425, 429, 500, 502, 503, 504)
_MOST_TEXT = 2**26
"""Bytes of one page of a catalogue: 64 MiB."""
_SLOWEST = 10
"""A page must be there after so many timeouts, however steadily it trickles."""
_AGENT = "olmoearth-stac/0.1"
Answer = TypeVar("Answer")


class Again(Exception):
    """A try that failed in a way that may pass. after: seconds that the server asked for."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Refused(Exception):
    """An answer that will not change by asking again."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(f"HTTP {status}" + (f": {text}" if text else ""))
        self.status = status


@dataclass(frozen=True)
class Web:
    """A client. timeout: seconds to connect, and between two pieces of an answer."""

    rate: Rate
    schedule: Schedule = field(default_factory=Schedule)
    timeout: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        if not 0 < self.timeout <= 3600:
            raise DataError(f"timeout = {self.timeout}: expected seconds above 0, up to 3600.")
        quieten()

    def tried(self, address: str, once: Callable[[], Answer]) -> Answer:
        """Return `once()`, called again after `Again` as the schedule says.

        Raises:
            Unreachable: the last try failed too; names the address, how often it was tried, and what to do.
        """
        for number in range(1, self.schedule.retries + 2):
            try:
                return once()
            except Again as failed:
                reason, after = str(failed), failed.after
            if number > self.schedule.retries or (after or 0) > LONGEST:
                break
            self.sleep(self.schedule.wait(number, after))
        times = "once" if number == 1 else f"{number} times"
        raise Unreachable(f"{plain(address)}: {reason}. Tried {times}. {_advice(reason)}")

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, redirects: bool = True, **more: Any
    ) -> requests.Response:
        """Ask once and return the answer whose body is yet to be read. more: `params` or `json` of `requests`."""
        self.rate.wait()
        sent = {"User-Agent": _AGENT, **(headers or {})}
        try:
            answer = _session().request(
                method, url, headers=sent, timeout=self.timeout, stream=True, allow_redirects=redirects, **more
            )
        except (requests.RequestException, ValueError, UnicodeError) as error:
            raise Again(_said(error)) from None
        if answer.status_code in _PASSING:
            said = retry_after(answer.headers.get("Retry-After"))
            answer.close()
            raise Again(f"HTTP {answer.status_code}", said)
        return answer

    def text(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> str:
        """Ask once for a text of bounded size; raises Again or Refused."""
        with self.send(method, url, headers=headers, **more) as answer:
            body = self._body(answer)
        if not 200 <= answer.status_code < 300:
            raise Refused(answer.status_code, " ".join(body[:200].decode("utf-8", "replace").split()))
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError:
            raise Again("the answer is no text in UTF-8") from None

    def _body(self, answer: requests.Response) -> bytes:
        start, parts, size = self.clock(), [], 0
        for piece in pieces(answer):
            parts.append(piece)
            size += len(piece)
            if size > _MOST_TEXT:
                raise Refused(answer.status_code, f"an answer of more than {_MOST_TEXT >> 20} MiB")
            if self.clock() - start > _SLOWEST * self.timeout:
                raise Again(f"the answer was not complete after {_SLOWEST * self.timeout:g} seconds")
        return b"".join(parts)


def pieces(answer: requests.Response, size: int = 1 << 16) -> Any:
    """Yield the body of an answer; Again where the connection breaks."""
    try:
        yield from answer.iter_content(size)
    except (requests.RequestException, OSError) as error:
        raise Again(f"the answer broke off ({_said(error)})") from None


def _session() -> requests.Session:
    # One per request: connections must not be shared by forked processes, and no cookie is wanted.
    return requests.Session()


def _said(error: BaseException) -> str:
    """Say what went wrong without the address, which the libraries put into their messages."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, socket.gaierror):
            return "the name of the server is not known here (no network?)"
        if isinstance(inner, OSError) and inner.strerror and not isinstance(inner, requests.RequestException):
            return f"no connection ({inner.strerror})"
        reason = next((a for a in inner.args if isinstance(a, BaseException)), None)
        inner = reason or getattr(inner, "reason", None) or inner.__cause__ or inner.__context__
        if not isinstance(inner, BaseException):
            break
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return "no answer in time"
    return f"no usable answer ({type(error).__name__})"


def _advice(reason: str) -> str:
    if "429" in reason:
        return "The server limits how often it may be asked: start again with a lower --rate."
    if "checksum" in reason or "bytes" in reason:
        return "The provider's file or its declaration is wrong: report it, or take another catalogue."
    return (
        "Look at the network and the provider's status page, then start the same command again: what is there is kept. "
        "With a frozen item table and all assets in the cache no network is needed."
    )
