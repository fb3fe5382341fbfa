"""How large a folder of cached files may become: the ones used longest ago go first.

Use is noted in the files' time stamps, so processes agree without talking. One process clears at a time (a lock that
goes with the process that holds it); a file that vanishes under a reader's hands is fetched again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_SLACK = 0.9
"""Share of the limit that is left after clearing, so that it is not done for every file."""
_NOTICE = 0.02
"""Share of the limit that a process may add before it looks at the folder again."""


class CacheLimit:
    """Keeps the files `*.h5` below a folder within a number of bytes (those being written not counted)."""

    def __init__(self, folder: Path, most: int) -> None:
        """Touch no disk."""
        self._folder, self._most = folder, most
        self._added = most

    def added(self, size: int, keep: Path) -> None:
        """Note a new file of `size` bytes, and clear the folder if it is due. keep: a file that stays."""
        self._added += size
        if self._added > self._most * _NOTICE:
            self._added = 0
            with _alone(self._folder / ".clearing") as mine:
                if mine:
                    self._clear(keep)

    def _clear(self, keep: Path) -> None:
        found = sorted(_files(self._folder))
        total = sum(size for _, size, _ in found)
        if total <= self._most:
            return
        for _, size, path in found:
            if path == str(keep):
                continue
            with suppress(FileNotFoundError):
                os.unlink(path)
            total -= size
            if total <= self._most * _SLACK:
                return


def _files(folder: Path) -> Iterator[tuple[int, int, str]]:
    for path in folder.glob("*/*.h5"):
        with suppress(FileNotFoundError):
            found = path.stat()
            yield found.st_mtime_ns, found.st_size, str(path)


@contextmanager
def _alone(lock: Path) -> Iterator[bool]:
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
