"""Which section of a checked tree belongs to what: the dataclass or factory that takes its keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from olmoearth_core.config.hints import arguments, root, shape
from olmoearth_core.config.source import Path, Tree
from olmoearth_core.kinds import kinds


@dataclass(frozen=True)
class Place:
    """One section. owner: the dataclass or factory that takes its keys, None for a section of named parts."""

    path: Path
    hint: Any
    owner: Callable[..., Any] | None


def places(tree: Tree) -> Iterator[Place]:
    """Yield every section of a checked tree, parents first; what lies in disabled blocks is left out."""
    for argument in root():
        if isinstance(tree.get(argument.name), dict):
            yield from _below(tree[argument.name], argument.hint, (argument.name,))


def _below(node: Tree, hint: Any, path: Path) -> Iterator[Place]:
    if node.get("enabled") is False:
        return
    form = shape(hint)
    at = next((key for key in node if key.startswith("@")), None)
    owner = kinds()[at[1:]].get(node[at]) if at else form.inner if form.form == "section" else None
    yield Place(path, hint, owner)
    inner = {a.name: a.hint for a in arguments(owner)} if owner else {}
    for key, value in node.items():
        if isinstance(value, dict):
            below = inner.get(key, form.inner if form.form == "mapping" else Any)
            yield from _below(value, below, (*path, key))
