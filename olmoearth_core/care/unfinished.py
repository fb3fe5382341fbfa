"""A file that is still arriving: it lies beside its place with a note of its version, and moves when it is whole.

The part is called `.name.part`; one of another version is thrown away, never continued.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from olmoearth_core.errors import DataError

BLOCK = 1 << 20
WAIT_SECONDS = (1, 2, 4, 8, 16)
"""Waits between attempts that brought nothing."""


@dataclass(frozen=True)
class Unfinished:
    """The part of a file that is there. target: where the whole file goes."""

    target: Path

    @property
    def path(self) -> Path:
        """Where the part lies."""
        return self.target.with_name(f".{self.target.name}.part")

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def version(self) -> str | None:
        """What the part was noted to be a version of; None where nothing is noted."""
        try:
            return str(json.loads(self._note.read_text("utf-8"))["version"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self, version: str) -> None:
        """Throw the part away and note the version that comes next."""
        self.path.unlink(missing_ok=True)
        self._note.write_text(json.dumps({"version": version}), "utf-8")

    def finish(self, sha256: str | None, url: str) -> None:
        """Put the part, now whole, in its place.

        Raises:
            DataError: it is not what was promised; it is removed.
        """
        check(self.path, sha256, url, remove=True)
        os.replace(self.path, self.target)
        self._note.unlink(missing_ok=True)

    @property
    def _note(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")


def check(path: Path, sha256: str | None, url: str, *, remove: bool) -> None:
    """Compare a file with its SHA-256; None = nothing is known.

    Raises:
        DataError: it is another file; `remove` says whether it is removed.
    """
    if sha256 is None:
        return
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(BLOCK), b""):
            digest.update(block)
    if digest.hexdigest() == sha256.lower():
        return
    if remove:
        path.unlink()
    todo = "It was removed: try again, and" if remove else "Remove it and try again;"
    raise DataError(
        f"{path}: has the SHA-256 {digest.hexdigest()}, expected {sha256.lower()} of {url}. {todo} if it stays so, "
        "the published file has changed."
    )
