"""What somebody meant who wrote a key that nothing takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from olmoearth_core import names
from olmoearth_core.config.source import Path


def unknown_key(
    path: Path, owner: str, options: Sequence[str], written: Mapping[str, Any], filled: Mapping[str, Any]
) -> str:
    """Say that a key is unknown and which one was probably meant.

    written: the tree as the user gave it. filled: the tree with all defaults, to search for the key elsewhere.
    """
    key = path[-1]
    takes = f"{owner} has no section {key}" if len(path) == 1 else f"{owner} takes no {key}"
    if near := names.closest(key, options):
        return f'{takes}. Did you mean "{".".join((*path[:-1], near))}"?'
    if far := _elsewhere(_longest(path, written), len(path) - 1, filled):
        return f'{takes}. Did you mean "{far}"?'
    return f"{takes}. It takes {', '.join(options) or 'nothing'}."


def _longest(path: Path, written: Any) -> Path:
    """Follow a key down while there is only one way to go: the whole name that the user typed."""
    for part in path:
        written = written.get(part) if isinstance(written, Mapping) else None
    while isinstance(written, Mapping) and len(written) == 1:
        (part, written), *_ = written.items()
        path = (*path, part)
    return path


def _elsewhere(path: Path, known_up_to: int, filled: Mapping[str, Any]) -> str | None:
    """Look for a key of that name in other sections, then for a section of a similar name."""
    known = _all(filled)
    same_end = [other for other in known if other[-1] == path[-1]]
    if same_end:
        return names.closest(".".join(path), [".".join(other) for other in same_end], cutoff=0.0)
    ends = {other[-1]: ".".join(other) for other, section in reversed(known.items()) if section}
    for part in reversed(path[known_up_to:]):
        if near := names.closest(part, ends):
            return ends[near]
    return None


def _all(tree: Mapping[str, Any], path: Path = ()) -> dict[Path, bool]:
    """Return every path of a tree, and whether it is a section."""
    found: dict[Path, bool] = {}
    for key, value in tree.items():
        if not key.startswith("@"):
            found[*path, key] = isinstance(value, Mapping)
        if isinstance(value, Mapping):
            found.update(_all(value, (*path, key)))
    return found
