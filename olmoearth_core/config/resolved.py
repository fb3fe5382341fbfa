"""A config that passed every check: its tree, where each value came from, and the sources it was made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from olmoearth_core.config.source import Path, Tree
from olmoearth_core.config.text import write


@dataclass(frozen=True)
class Config:
    """A complete, checked config.

    tree: nested plain values with defaults filled in; blocks keep their `@kind` key, disabled ones stay as written.
    origins: path of each section and key -> "file:line", the override as typed, or "default".
    layers: (name, text) of each source in the order applied. notes: what the user should know but need not change.
    """

    tree: Tree
    origins: dict[Path, str] = field(default_factory=dict)
    layers: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def to_text(self) -> str:
        """Return the tree as one .cfg that loads and checks alone."""
        return write(self.tree)

    @staticmethod
    def from_text(text: str, name: str = "config") -> Config:
        """Load what `to_text` wrote (or any complete .cfg text); raises ConfigError with all faults."""
        from olmoearth_core.config.load import load_text  # the loader makes Configs: a top import would be a circle

        return load_text(text, name)

    def digest(self, exclude: Iterable[str] = ()) -> str:
        """Return a hash of the values, without sections and keys in `exclude` (dotted, e.g. "trainer.callbacks")."""
        pruned = prune(self.tree, exclude)
        return hashlib.sha256(json.dumps(pruned, sort_keys=True).encode()).hexdigest()

    def at(self, key: str) -> Any:
        """Return the value or section under a dotted key; KeyError if there is none."""
        node: Any = self.tree
        for part in key.split("."):
            if not isinstance(node, dict) or part not in node:
                raise KeyError(key)
            node = node[part]
        return node


def prune(tree: Tree, exclude: Iterable[str], path: Path = ()) -> Tree:
    """Return a copy of the tree without some sections and keys, given as dotted names."""
    gone = set(exclude)
    kept: Tree = {}
    for key, value in tree.items():
        below = (*path, key)
        if ".".join(below) not in gone:
            kept[key] = prune(value, gone, below) if isinstance(value, dict) else value
    return kept


def flatten(tree: Tree, path: Path = ()) -> dict[Path, Any]:
    """Return every value by its path; an empty section is a value."""
    flat: dict[Path, Any] = {}
    for key, value in tree.items():
        flat.update(flatten(value, (*path, key)) if isinstance(value, dict) and value else {(*path, key): value})
    return flat
