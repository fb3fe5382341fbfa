"""One thing wrong with a data set: which file, what was found, what was expected, what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A fault. sample: number of the damaged sample file, null where a table or the folder is at fault."""

    file: str
    found: str
    expected: str
    todo: str
    sample: int | None = None

    def __str__(self) -> str:
        return f"{self.file}: found {self.found}; expected {self.expected}. {self.todo}"
