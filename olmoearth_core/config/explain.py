"""What a config says, for people: a complete file with the meaning of every key, and where a value came from."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from olmoearth_core.config.layers import Merged
from olmoearth_core.config.overrides import layer_of, parse
from olmoearth_core.config.places import Place, places
from olmoearth_core.config.resolved import Config, flatten
from olmoearth_core.config.source import Layer, Path, read, wrap
from olmoearth_core.config.suggest import unknown_key
from olmoearth_core.config.text import value, write
from olmoearth_core.describe import argument_help, first_sentence
from olmoearth_core.errors import ConfigError


def section(config: Config, key: str | None = None) -> str:
    """Return the resolved config, or one section of it, as .cfg text; a single value as itself."""
    if key is None:
        return config.to_text()
    path, found = find(config, key)
    if not isinstance(found, dict):
        return f"{value(found)}\n"
    return write(found, at=".".join(path))


def complete(config: Config) -> str:
    """Return a file that spells every key, each with what it means and where its value came from."""
    by_path = {place.path: place for place in places(config.tree)}
    return write(config.tree, lambda path: _comment(path, by_path, config))


def why(config: Config, key: str) -> list[str]:
    """Return lines that say what set a key: the value, all sources from the last to the first, and its meaning."""
    path, found = find(config, key)
    if isinstance(found, dict):
        return table([(".".join(p), value(v), config.origins[p]) for p, v in flatten(found, path).items()])
    sources = list(_history(config, path))[::-1] or [("default", found)]
    rows = [(where, value(given)) for where, given in sources]
    owner = next((p for p in places(config.tree) if p.path == path[:-1]), None)
    meaning = _meaning(owner, path[-1])
    return [
        f"{'.'.join(path)} = {value(found)}",
        *(f"  {line}" for line in table(rows)),
        *textwrap.wrap(meaning, 110, initial_indent="  ", subsequent_indent="  "),
    ]


def differences(left: Config, right: Config) -> list[tuple[str, str, str]]:
    """Return (key, value left, value right) where two configs differ; "" where one has no such key."""
    a, b = flatten(left.tree), flatten(right.tree)
    return [
        (".".join(path), value(a[path]) if path in a else "", value(b[path]) if path in b else "")
        for path in dict.fromkeys((*a, *b))
        if a.get(path, a) != b.get(path, b)
    ]


def find(config: Config, key: str) -> tuple[Path, Any]:
    """Return the path and value of a dotted key; raise ConfigError with what was probably meant."""
    path = tuple(key.lstrip("-").split("."))
    node: Any = config.tree
    for i, part in enumerate(path, 1):
        if not isinstance(node, dict) or part not in node:
            options = [k for k in node if not k.startswith("@")] if isinstance(node, dict) else []
            owner = f"[{'.'.join(path[: i - 1])}]" if i > 1 else "a config"
            raise ConfigError(unknown_key(path[:i], owner, options, _nest(path, None), config.tree))
        node = node[part]
    return path, node


def _history(config: Config, path: Path) -> Iterator[tuple[str, Any]]:
    """Yield (origin, value) of each layer that sets a key, in the order applied."""
    below = Merged()
    for name, text in config.layers:
        for layer in _reread(name, text, below):
            node: Any = layer.tree
            for part in path:
                node = node.get(part, layer) if isinstance(node, dict) else layer
            if node is not layer:
                yield layer.origins.get(path, name), node
            below.apply(layer)


def _reread(name: str, text: str, below: Merged) -> list[Layer]:
    if name == "overrides":
        return layer_of(parse(text.splitlines())[0], below.tree)
    return [wrap(json.loads(text), name) if text.startswith("{") else read(text, name)]


def _comment(path: Path, by_path: dict[Path, Place], config: Config) -> str:
    own, parent = by_path.get(path), by_path.get(path[:-1])
    if own:
        opening = first_sentence(own.owner) if own.owner else ""
        words = ["" if opening.startswith("[") else opening, _meaning(parent, path[-1])]
    else:
        origin = config.origins.get(path, "default")
        meaning = _meaning(parent, path[-1])
        words = [f"{meaning}  ({origin})" if meaning else f"({origin})"]
    return "\n".join(line for text in words if text for line in textwrap.wrap(text, 110))


def _meaning(place: Place | None, key: str) -> str:
    return argument_help(place.owner).get(key, "") if place and place.owner else ""


def _nest(path: Path, leaf: Any) -> dict[str, Any]:
    for part in reversed(path):
        leaf = {part: leaf}
    return leaf  # type: ignore[no-any-return]


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return rows as lines with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else []
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
