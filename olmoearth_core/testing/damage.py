"""Ways in which bytes go bad on disks and networks, each a pure function of content and seed.

For tests of anybody's reader: whatever is done to a file, the answer must be values or a `DataError` that names it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Damage = Callable[[bytes, np.random.Generator], bytes]


def _truncate(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: int(rng.integers(len(content)))]


def _flip_bits(content: bytes, rng: np.random.Generator) -> bytes:
    broken = bytearray(content)
    for place in rng.integers(len(broken), size=int(rng.integers(1, 9))):
        broken[place] ^= 1 << int(rng.integers(8))
    return bytes(broken)


def _flip_bits_of_the_head(content: bytes, rng: np.random.Generator) -> bytes:
    """Headers are short, so that damage anywhere seldom meets them."""
    head = min(len(content), 512)
    return _flip_bits(content[:head], rng) + content[head:]


def _insert(content: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(len(content) + 1))
    return content[:place] + rng.bytes(int(rng.integers(1, 65))) + content[place:]


def _zero_block(content: bytes, rng: np.random.Generator) -> bytes:
    start, length = int(rng.integers(len(content))), int(rng.integers(1, 4097))
    return content[:start] + bytes(len(content[start : start + length])) + content[start + length :]


def _extreme_number(content: bytes, rng: np.random.Generator) -> bytes:
    """Sizes, counts and offsets are four or eight bytes in a row."""
    size = int(rng.choice([2, 4, 8]))
    place = int(rng.integers(min(len(content), 2048)))
    number = (b"\xff" * size, b"\x7f" + b"\xff" * (size - 1), b"\xff" * (size - 1) + b"\x7f")[int(rng.integers(3))]
    return (content[:place] + number + content[place + size :])[: len(content)]


def _swap_halves(content: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(len(content)))
    return content[place:] + content[:place]


def _repeat(content: bytes, rng: np.random.Generator) -> bytes:
    start = int(rng.integers(len(content)))
    return content[:start] + content[start : start + 512] + content[start:]


DAMAGES: dict[str, Damage] = {
    "truncated": _truncate,
    "bits flipped": _flip_bits,
    "bits of the head flipped": _flip_bits_of_the_head,
    "bytes inserted": _insert,
    "block of zeros": _zero_block,
    "extreme number": _extreme_number,
    "halves swapped": _swap_halves,
    "part repeated": _repeat,
}
"""What happened -> how."""


def damaged(content: bytes, seed: int) -> tuple[str, bytes]:
    """Return what happened and the damaged content; the same for the same content and seed. content: not empty."""
    names = list(DAMAGES)
    name = names[seed % len(names)]
    return name, DAMAGES[name](content, np.random.default_rng(seed))
