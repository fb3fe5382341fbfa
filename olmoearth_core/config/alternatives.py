"""Keys of which one excludes the others: `max_duration` in steps or epochs or ..., a warm-up in steps or as a share.

What a later layer or an override sets removes the other spellings; two in one layer, or two on one command
line, contradict each other and are a fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

ALTERNATIVES: dict[str, tuple[tuple[str, ...], ...]] = {
    "max_duration": (("steps",), ("epochs",), ("tokens",), ("samples",), ("hours",), ("unit", "value")),
    "scheduler": (("warmup_steps",), ("warmup_fraction",)),
}
"""Section name -> the alternatives, each one or more keys that belong together."""


def chosen(section: str, node: dict[str, Any]) -> list[str]:
    """Return the alternatives that a section sets to something, spelled for people."""
    groups = ALTERNATIVES.get(section, ())
    return [" and ".join(g) for g in groups if any(node.get(key) is not None for key in g)]


def conflicts(tree: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield (section, alternatives) wherever one layer sets two of them."""
    for key, value in tree.items():
        if isinstance(value, dict):
            names = chosen(key, value)
            if len(names) > 1:
                yield (*path, key), names
            yield from conflicts(value, (*path, key))


def losers(section: str, given: dict[str, Any]) -> set[str]:
    """Return the keys of the alternatives that an update of this section rules out."""
    groups = ALTERNATIVES.get(section, ())
    won = [g for g in groups if any(given.get(key) is not None for key in g)]
    return {key for g in groups if won and g not in won for key in g}


def fold(section: str, before: dict[str, Any], node: dict[str, Any]) -> tuple[str | None, str | None]:
    """Rewrite {unit, value} of a node as {unit: value}; a missing half is what held before the update.

    Returns the key that was written, or None, and what is wrong, or None.
    """
    if section != "max_duration" or not {"unit", "value"} & set(node):
        return None, None
    units = [group[0] for group in ALTERNATIVES[section] if len(group) == 1]
    held = next(((u, before[u]) for u in units if before.get(u) is not None), (before.get("unit"), before.get("value")))
    unit, value = node.get("unit", held[0]), node.get("value", held[1])
    if unit is not None and unit not in units:
        return None, f"expected one of {', '.join(units)} as unit, got {unit!r}"
    if unit is None or value is None:
        return None, None
    for key in ("unit", "value"):
        node.pop(key, None)
    node[unit] = value
    return unit, None
