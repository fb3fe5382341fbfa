"""Whether a run is sent to W&B or kept on disk, decided before wandb is asked, which would wait or prompt.

The key comes from the environment only and is never part of a message.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import urlsplit

Mode = Literal["auto", "online", "offline", "disabled"]

SERVER = "https://api.wandb.ai"
SECONDS = 3.0
"""How long a server may take to answer before it counts as out of reach."""
OLD_WORDS = {"dryrun": "offline", "run": "online"}
"""Values of WANDB_MODE that wandb still understands."""


@dataclass(frozen=True)
class Decision:
    """mode: "online", "offline" or "disabled". why: what to tell the user, empty if this is what was asked for."""

    mode: str
    why: str = ""


def decide(mode: Mode, environ: Mapping[str, str], reachable: Callable[[Mapping[str, str]], bool]) -> Decision:
    """Choose a mode: WANDB_MODE outranks the config; "auto" is online if there are a key and a network."""
    asked = environ.get("WANDB_MODE", "").strip().lower() or mode
    asked = OLD_WORDS.get(asked, asked)
    if asked not in get_args(Mode):
        return Decision("offline", f'WANDB_MODE is "{asked}", which is none of {", ".join(get_args(Mode))}')
    if asked != "auto":
        return Decision(asked)
    if not environ.get("WANDB_API_KEY"):
        return Decision("offline", "there is no key in WANDB_API_KEY")
    if not reachable(environ):
        return Decision("offline", f"{_server(environ)} cannot be reached")
    return Decision("online")


def reachable(environ: Mapping[str, str]) -> bool:
    """Try to connect to the W&B server; behind a proxy, believe that it is there."""
    if any(environ.get(name) for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")):
        return True
    url = urlsplit(_server(environ))
    port = url.port or (80 if url.scheme == "http" else 443)
    try:
        socket.create_connection((url.hostname or "", port), timeout=SECONDS).close()
    except OSError:
        return False
    return True


def _server(environ: Mapping[str, str]) -> str:
    return environ.get("WANDB_BASE_URL") or SERVER
