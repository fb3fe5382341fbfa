"""Checksums as STAC items declare them: a multihash in hexadecimal, which says its own kind and length.

Table of kinds: https://github.com/multiformats/multicodec (sha1 0x11, sha2-256 0x12, sha2-512 0x13, md5 0xd5).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_KINDS = {"1114": "sha1", "1220": "sha256", "1340": "sha512", "d50110": "md5"}
"""Code and length, as they begin a multihash -> name."""
KEYS = ("file:checksum", "checksum:multihash")


@dataclass(frozen=True)
class Checksum:
    """kind: a name that hashlib knows. digest: hexadecimal."""

    kind: str
    digest: str


def declared(asset: Mapping[str, Any]) -> Checksum | None:
    """Return the checksum that an asset declares; None if there is none of a known kind."""
    for key in KEYS:
        text = str(asset.get(key, "")).lower()
        for start, kind in _KINDS.items():
            digest = text[len(start) :]
            if text.startswith(start) and re.fullmatch(rf"[0-9a-f]{{{2 * hashlib.new(kind).digest_size}}}", digest):
                return Checksum(kind, digest)
    return None


def digests(path: Path, kinds: Iterable[str]) -> dict[str, str]:
    """Return kind -> digest of a file's bytes."""
    # Not for secrecy, so kinds that are broken in that sense will do.
    sums = {kind: hashlib.new(kind, usedforsecurity=False) for kind in kinds}
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            for each in sums.values():
                each.update(piece)
    return {kind: each.hexdigest() for kind, each in sums.items()}
