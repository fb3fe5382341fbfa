"""References: `${section.key}` inside values, and what they become.

A bare reference takes the value it points at with its type, or a copy of a whole section; inside a text
it is inserted as text; `$$` is a dollar sign. The rules are confection's; they are applied here so that each
unknown reference is reported with its own line and together with all other faults.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

_VARIABLE = re.compile(r"(?P<escaped>\$\$)|\$\{(?P<name>[\w.:@-]+)\}")
_BARE = "\ue000"


class Reference(str):
    """A text with at least one ${section.key} in it, not yet replaced.

    bare: it was written without quotes, so a lone reference keeps the type of what it points at.
    """

    bare: bool

    def __new__(cls, text: str, *, bare: bool = True) -> Reference:
        """Keep the text as it was written, dollar signs still doubled."""
        self = super().__new__(cls, text)
        self.bare = bare
        return self

    @staticmethod
    def load(raw: str) -> Any:
        """Interpret a raw value that holds a reference; None if `${` is only there in escaped form."""
        if not any(m["name"] for m in _VARIABLE.finditer(raw)):
            return None
        if raw.startswith(("[", "{")):
            quoted = re.sub(r'("(?:\\.|[^"\\])*")|(\$\{[^}]*\})', lambda m: m[1] or f'"{_BARE}{m[2]}"', raw)
            try:
                return mark(json.loads(quoted), bare=False)
            except ValueError:
                return Reference(raw)
        try:
            return Reference(json.loads(raw), bare=False)
        except (ValueError, TypeError):
            return Reference(raw)

    @property
    def names(self) -> list[str]:
        """The dotted names it points at."""
        return [m["name"].replace(":", ".") for m in _VARIABLE.finditer(self) if m["name"]]


def mark(value: Any, *, bare: bool = True) -> Any:
    """Turn the texts of a JSON value that hold references into `Reference`, unescaping the others."""
    if isinstance(value, dict):
        return {unescape(key): mark(item, bare=bare) for key, item in value.items()}
    if isinstance(value, list):
        return [mark(item, bare=bare) for item in value]
    if isinstance(value, str) and any(m["name"] for m in _VARIABLE.finditer(value)):
        return Reference(value.removeprefix(_BARE), bare=bare or value.startswith(_BARE))
    return unescape(value)


def unescape(value: Any) -> Any:
    """Replace $$ by $ in every text of a JSON value."""
    if isinstance(value, dict):
        return {unescape(key): unescape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unescape(item) for item in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


def pending(value: Any) -> bool:
    """Whether a value still holds a reference."""
    if isinstance(value, dict):
        return any(map(pending, value.values()))
    return any(map(pending, value)) if isinstance(value, list) else isinstance(value, Reference)


def replace_all(tree: dict[str, Any], complain: Callable[[tuple[str, ...], str, str], None]) -> dict[str, Any]:
    """Return a copy of the tree without references; complain(path, name, why) about each that cannot be replaced."""

    def visit(value: Any, path: tuple[str, ...], stack: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return {key: visit(item, (*path, key), stack) for key, item in value.items()}
        if isinstance(value, list):
            return [visit(item, path, stack) for item in value]
        return text(value, path, stack) if isinstance(value, Reference) else value

    def text(value: Reference, path: tuple[str, ...], stack: tuple[str, ...]) -> Any:
        if len(value.names) == 1 and value.bare and _VARIABLE.fullmatch(value):
            return follow(value.names[0], path, stack, value)
        return _VARIABLE.sub(lambda m: "$" if m["escaped"] else spell(m["name"], path, stack, value), value)

    def spell(name: str, path: tuple[str, ...], stack: tuple[str, ...], value: Reference) -> str:
        found = follow(name.replace(":", "."), path, stack, value)
        if isinstance(found, dict):
            complain(path, name, "names a whole section, which cannot stand inside a text")
        return found if isinstance(found, str) else json.dumps(found)

    def follow(name: str, path: tuple[str, ...], stack: tuple[str, ...], value: Reference) -> Any:
        target = _target(tree, name, path)
        if target is None:
            complain(path, name, "is not set anywhere")
            return value
        full = ".".join(target)
        if full in stack or path[: len(target)] == target:
            complain(path, name, f"goes round in a circle: {' -> '.join((*stack, full))}")
            return value
        return visit(copy.deepcopy(_at(tree, target)), target, (*stack, full))

    return {key: visit(item, (key,), ()) for key, item in tree.items()}


def references(value: Any) -> Iterator[Reference]:
    """Yield every reference inside a value."""
    if isinstance(value, Reference):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from references(item)


def _target(tree: dict[str, Any], name: str, path: tuple[str, ...]) -> tuple[str, ...] | None:
    parts = tuple(name.split("."))
    beside = (*path[:-1], *parts)
    if len(parts) == 1 and beside != path and _has(tree, beside):
        return beside
    return parts if _has(tree, parts) else None


def _has(tree: Any, path: tuple[str, ...]) -> bool:
    for part in path:
        if not isinstance(tree, dict) or part not in tree:
            return False
        tree = tree[part]
    return True


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        tree = tree[part]
    return tree
