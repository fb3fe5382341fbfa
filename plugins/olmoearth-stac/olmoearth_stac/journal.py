"""What a search has found so far, so that one that is killed after an hour does not begin anew.

A line is added per answered question. A last line that is torn is dropped, and a journal of other questions (another
catalogue, another profile, other assets) is not used.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from olmoearth_core.errors import DataError
from olmoearth_stac.item import Item
from olmoearth_stac.profile import Profile
from olmoearth_stac.queries import Query


@dataclass(frozen=True)
class Answer:
    """What a catalogue said to one question. left_out: items that could not be understood, and why."""

    query: Query
    items: tuple[Item, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Journal:
    """A growing file. key: what must be the same for its lines to count."""

    path: Path
    key: str

    @staticmethod
    def beside(table: Path, profile: Profile, assets: Mapping[str, set[str]]) -> Journal:
        """Return the journal of a search for a table."""
        said = [profile.name, profile.url, profile.sha256, {name: sorted(assets[name]) for name in sorted(assets)}]
        key = hashlib.sha256(json.dumps(said).encode()).hexdigest()
        return Journal(table.with_name(f".{table.name}.searching"), key)

    def read(self) -> dict[Query, Answer]:
        """Return the answers that are there."""
        try:
            lines = self.path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return {}
        found = {}
        for line in lines:
            answer = self._answer(line)
            if answer is not None:
                found[answer.query] = answer
        return found

    def add(self, answer: Answer) -> None:
        """Note an answer."""
        q = answer.query
        values = [self.key, [q.collection, list(q.bbox), q.datetime], list(answer.items), list(answer.left_out)]
        # An empty line before it, so that a torn one cannot spoil it.
        with self.path.open("ab") as file:
            file.write(b"\n" + json.dumps(values, separators=(",", ":")).encode() + b"\n")

    def remove(self) -> None:
        """End the search."""
        self.path.unlink(missing_ok=True)

    def _answer(self, line: bytes) -> Answer | None:
        try:
            key, (collection, (west, south, east, north), span), items, left_out = json.loads(line)
            query = Query(str(collection), (float(west), float(south), float(east), float(north)), str(span))
        except (ValueError, TypeError):
            return None
        return Answer(query, tuple(items), tuple(map(str, left_out))) if key == self.key else None


@contextmanager
def alone(table: Path) -> Iterator[None]:
    """One process at a time searches for a table; the others wait and find it."""
    lock = table.with_name(f".{table.name}.lock")
    try:
        table.parent.mkdir(parents=True, exist_ok=True)
        file: Any = lock.open("w")
    except OSError as error:
        raise DataError(f"{table}: cannot be written ({error.strerror}). Give another --items.") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
