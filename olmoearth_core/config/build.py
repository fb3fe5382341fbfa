"""From a checked config to objects: each block calls its factory, each plain section becomes its dataclass.

Factories return recipes, so nothing is allocated or opened here. What a factory refuses becomes a fault with the
line of its block, and other blocks are still tried, so that these faults, too, come all at once.
"""

from __future__ import annotations

import typing
from pathlib import Path as File
from typing import Any

from confection import ConfigValidationError

from olmoearth_core.config.hints import Argument, Shape, arguments, root, shape
from olmoearth_core.config.places import places
from olmoearth_core.config.resolved import Config
from olmoearth_core.config.schema import Parts
from olmoearth_core.config.source import Path, Tree
from olmoearth_core.errors import ConfigError, DataError, Fault
from olmoearth_core.kinds import kinds, registry


def build(config: Config) -> Parts:
    """Return the parts of a run. Raises ConfigError with everything that factories refuse."""
    builder = _Builder(config)
    parts = {a.name: builder.make(config.tree[a.name], a.hint, (a.name,)) for a in root()}
    builder.finish()
    return Parts(**parts)


def build_at(config: Config, key: str) -> Any:
    """Return the object of one section, e.g. "model" or "trainer.callbacks.downstream_evaluator.tasks".

    Disabled parts of a section of named parts are left out. KeyError if there is no such section.
    """
    path = tuple(key.split("."))
    builder = _Builder(config)
    hint = next((place.hint for place in places(config.tree) if place.path == path), Any)
    built = builder.make(config.at(key), hint, path)
    builder.finish()
    return built


class _Refused(Exception):
    """A block below could not be built; its fault is noted."""


class _Builder:
    def __init__(self, config: Config) -> None:
        self.config = config
        self.faults: list[Fault] = []

    def finish(self) -> None:
        if self.faults:
            raise ConfigError(self.faults)

    def make(self, value: Any, hint: Any, path: Path) -> Any:
        """Build one top section; None where something below was refused."""
        try:
            return self.visit(value, shape(hint), hint, path)
        except _Refused:
            return None

    def visit(self, value: Any, form: Shape, hint: Any, path: Path) -> Any:
        if isinstance(value, dict):
            if form.form == "block" or (form.form == "any" and any(key.startswith("@") for key in value)):
                return self.block(value, path)
            if form.form == "section":
                return form.inner(**self.parts(value, arguments(form.inner), path))
            inner = form.inner if form.form == "mapping" else Any
            live = {key: part for key, part in value.items() if not _disabled(part)}
            return self.each({key: (part, inner) for key, part in live.items()}, path)
        return _typed(value, hint)

    def parts(self, node: Tree, takes: list[Argument], path: Path) -> dict[str, Any]:
        return self.each({a.name: (node[a.name], a.hint) for a in takes if a.name in node}, path)

    def each(self, items: dict[str, tuple[Any, Any]], path: Path) -> dict[str, Any]:
        """Build the parts of a section; all are tried before the section itself is given up."""
        built, refused = {}, False
        for key, (value, hint) in items.items():
            try:
                built[key] = self.visit(value, shape(hint), hint, (*path, key))
            except _Refused:
                refused = True
        if refused:
            raise _Refused
        return built

    def block(self, node: Tree, path: Path) -> Any:
        at = next(key for key in node if key.startswith("@"))
        takes = arguments(kinds()[at[1:]].get(node[at]))
        call = {at: node[at], **self.parts(node, takes, path)}
        try:
            return registry.resolve({"block": call})["block"]
        except ConfigValidationError as error:
            found = "; ".join(f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in error.errors)
            self.refuse(path, f"{node[at]} cannot be called: {found or error}")
        except (ConfigError, DataError, ValueError) as error:
            self.refuse(path, str(error))
        raise _Refused

    def refuse(self, path: Path, message: str) -> None:
        where = self.config.origins.get(path, "config")
        self.faults.append(Fault(where, f"[{'.'.join(path)}]", message))


def _disabled(part: Any) -> bool:
    return isinstance(part, dict) and part.get("enabled") is False


def _typed(value: Any, hint: Any) -> Any:
    """Give a plain value the type that its annotation names where JSON has none: tuple and Path."""
    origins = {typing.get_origin(part) or part for part in (hint, *typing.get_args(hint))}
    if isinstance(value, list) and tuple in origins:
        return tuple(value)
    return File(value) if isinstance(value, str) and File in origins and str not in origins else value
