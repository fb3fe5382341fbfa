"""One section of an official config: reading it, and noticing which of its keys nobody read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from olmoearth_core.errors import CheckpointError


class Section:
    """A section, by the name that messages use. parts: the sections below it that were asked for."""

    def __init__(self, values: Mapping[str, Any], name: str, file: Path, unknown: list[str]) -> None:
        """unknown: takes the dotted names of keys that were not read."""
        self.values, self.name, self.file, self.unknown = values, name, file, unknown
        self.parts: list[Section] = []
        self._read: set[str] = set()

    def kind(self, known: Mapping[str, str], default: str) -> str:
        """Return what the class of the section stands for. Only its last part counts: modules were renamed.

        Raises:
            CheckpointError: a class that is not in the table.
        """
        name = str(self.values.get("_CLASS_", default)).rpartition(".")[2]
        if name not in known:
            raise CheckpointError(
                f"{self.file}: {self.name} is a {name}, which cannot be opened; expected one of {', '.join(known)}. "
                "A package can add other layouts as a checkpoint format."
            )
        return known[name]

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value; a key that says null is one that was left out."""
        self._read.add(key)
        value = self.values.get(key)
        return default if value is None else value

    def taken(self, keys: Iterable[str]) -> dict[str, Any]:
        """Return the keys that say something, under their own names."""
        return {key: value for key in sorted(keys) if (value := self.get(key)) is not None}

    def section(self, key: str) -> Section:
        """Return a section below.

        Raises:
            CheckpointError: it is not there.
        """
        inner = self.get(key)
        if not isinstance(inner, Mapping):
            raise CheckpointError(f"{self.file}: found no {self.name}.{key}, expected a section. Fetch the file again.")
        part = Section(inner, f"{self.name}.{key}", self.file, self.unknown)
        self.parts.append(part)
        return part

    def ignore(self, *keys: str) -> None:
        """Say that keys do not change what a model computes."""
        self._read.update(keys)

    def report(self) -> None:
        """Note the keys that nobody read, here and below."""
        self.unknown += [f"{self.name}.{k}" for k in self.values if k not in self._read and not k.startswith("_")]
        for part in self.parts:
            part.report()
