"""How a layer changes what lies below it.

Sections are merged key by key, values and lists are replaced, and a block whose `@kind = "name"` differs replaces the
old block with all its keys, because they were the arguments of something else. A key that refers to itself,
`encoder_config = ${model.encoder_config}` in [model], keeps what the layers below say, if they say anything.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from olmoearth_core.config.alternatives import conflicts, fold, losers
from olmoearth_core.config.reference import Reference
from olmoearth_core.config.source import Layer, Path, Tree
from olmoearth_core.errors import Fault


def component_of(node: Mapping[str, Any]) -> tuple[str, Any] | None:
    """Return (kind, name) of a block, or None for a plain section."""
    return next(((key[1:], value) for key, value in node.items() if isinstance(key, str) and key.startswith("@")), None)


class Merged:
    """The layers applied so far: `tree`, where each part of it was written, and what was wrong."""

    def __init__(self) -> None:
        self.tree: Tree = {}
        self.origins: dict[Path, str] = {}
        self.faults: list[Fault] = []

    def apply(self, layer: Layer) -> None:
        """Lay one layer on top; two alternatives in one layer are a fault."""
        self.faults += layer.faults
        for path, names in conflicts(layer.tree):
            where = layer.origins.get(path, layer.name)
            self.faults.append(
                Fault(where, f"[{'.'.join(path)}]", f"sets {' and '.join(names)}; only one of them can hold")
            )
        self._merge(self.tree, layer.tree, (), layer.origins)

    def where(self, path: Path) -> str:
        """Return where a key was set, or else the section that should hold it; "" if nothing is known."""
        while path and path not in self.origins:
            path = path[:-1]
        return self.origins.get(path, "")

    def _merge(self, old: Tree, new: Mapping[str, Any], path: Path, origins: Mapping[Path, str]) -> None:
        section = path[-1] if path else ""
        swaps = _swaps(old, new)
        kept = {key for key, value in new.items() if _names_itself(value, (*path, key)) and (swaps or key in old)}
        new = {key: value for key, value in new.items() if key not in kept}
        if swaps:
            self._forget(path, [key for key in old if key not in kept], old)
            self.origins[path] = origins.get(path, "")
        before = dict(old)
        self._forget(path, [key for key in losers(section, dict(new)) if key in old], old)
        for key, value in new.items():
            below = (*path, key)
            if isinstance(value, Mapping):
                if not isinstance(old.get(key), dict):
                    self._forget(path, [key], old)
                    old[key] = {}
                self.origins.setdefault(below, origins.get(below, ""))
                self._merge(old[key], value, below, origins)
            else:
                self._forget(path, [key], old, keep_place=True)
                old[key] = copy.copy(value)
                self.origins[below] = origins.get(below, "")
        self._fold(section, before, old, path)

    def _fold(self, section: str, before: Tree, node: Tree, path: Path) -> None:
        pair: list[str] = [key for key in ("unit", "value") if key in node]
        origin = next((self.origins[*path, key] for key in pair), "")
        written, complaint = fold(section, before, node)
        if complaint:
            self.faults.append(Fault(origin, f"[{'.'.join(path)}] unit", complaint))
            self._forget(path, pair, node)
        if written:
            self._forget(path, pair, node)
            self.origins[*path, written] = origin

    def _forget(self, path: Path, keys: list[str], node: Tree, *, keep_place: bool = False) -> None:
        for key in keys:
            below = (*path, key)
            if not keep_place:
                node.pop(key, None)
            for known in [p for p in self.origins if p[: len(below)] == below]:
                del self.origins[known]


def _names_itself(value: Any, path: Path) -> bool:
    return isinstance(value, Reference) and value.bare and value == f"${{{'.'.join(path)}}}"


def _swaps(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    before, after = component_of(old), component_of(new)
    return before is not None and after is not None and before != after
