"""How ranks share an evaluation: rank 0 leads, the others encode their chunks when it asks for features.

An evaluator runs on rank 0 alone, so its numbers cannot depend on how many ranks there are. Chunk i belongs to rank
i mod size; features and facts travel as plain bytes.
"""

# N samples, D width
from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from olmoearth_core.errors import DataError, OlmoEarthError
from olmoearth_core.evaluate.chunks import Chunks, Facts
from olmoearth_core.evaluate.tuning import NothingToTrain
from olmoearth_core.train.distributed import World

DONE, NOTHING, FAILED = "done", "nothing to train", "failed"
"""How a case ends."""
Encoded = tuple[np.ndarray, Facts]
Work = Callable[[int], np.ndarray]
"""From the number of a chunk to its features; notes the chunk's facts on the way."""


def exchange(chunks: Chunks, work: Work, keep: Callable[[int, np.ndarray], None], world: World) -> None:
    """Have every chunk encoded by its rank; rank 0 keeps them all, in order.

    Raises:
        DataError: a chunk failed, on whatever rank; every rank raises alike.
    """
    for first in range(0, len(chunks), world.size):
        mine = first + world.rank
        message = _attempt(chunks, work, mine) if mine < len(chunks) else b""
        for source in range(min(world.size, len(chunks) - first)):
            features, facts = _unpack(world.share_bytes(message, source))
            if world.speaks:
                chunks.known.setdefault(first + source, facts)
                keep(first + source, features)


def alone(chunks: Chunks, work: Work, keep: Callable[[int, np.ndarray], None]) -> None:
    """Encode every chunk in this process."""
    for number in range(len(chunks)):
        keep(number, work(number))


def lead(world: World, order: dict[str, Any]) -> None:
    """Tell the other ranks what to do next."""
    if world.size > 1:
        world.share_text(json.dumps(order))


def follow(world: World, obey: Callable[[dict[str, Any]], None]) -> None:
    """Do what rank 0 says until it says that it has done.

    Raises:
        NothingToTrain: as rank 0, which then goes on with the next subject.
        DataError: rank 0 has failed.
    """
    while (order := json.loads(world.share_text("")))["do"] != "end":
        obey(order)
    if order["outcome"] == NOTHING:
        raise NothingToTrain("rank 0 found nothing to train")
    if order["outcome"] != DONE:
        raise DataError("rank 0 failed; it says why.")


def _attempt(chunks: Chunks, work: Work, number: int) -> bytes:
    try:
        features = work(number)
    except OlmoEarthError as error:
        return json.dumps({"error": f"{error}"}).encode() + b"\n"
    return _pack(features, chunks.known[number])


def _pack(features: np.ndarray, facts: Facts) -> bytes:
    labels = np.ascontiguousarray(facts.labels)
    head = {
        "features": features.shape, "labels": labels.shape, "kind": labels.dtype.str, "content": facts.content,
        "truth": facts.truth, "groups": facts.groups, "values": facts.values, "absent": facts.absent,
    }  # fmt: skip
    body = np.ascontiguousarray(features, np.float32).tobytes() + labels.tobytes()
    return json.dumps(head).encode() + b"\n" + body


def _unpack(message: bytes) -> Encoded:
    text, body = message.split(b"\n", 1)
    head = json.loads(text)
    if "error" in head:
        raise DataError(head["error"])
    cut = int(np.prod(head["features"], dtype=np.int64)) * 4
    features = np.frombuffer(body[:cut], np.float32).reshape(head["features"])
    labels = np.frombuffer(body[cut:], np.dtype(head["kind"])).reshape(head["labels"])
    groups = tuple(head["groups"])
    return features, Facts(head["content"], head["truth"], labels, groups, head["values"], head["absent"])
