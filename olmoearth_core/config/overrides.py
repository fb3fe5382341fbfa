"""What people type behind a config: `--a.b=value`, `--a.b value`, or a bare `--a.b` for a switch.

Values are JSON, else a Python literal (`False`, `None`, `(1, 2)`), else a list or dict whose words a shell stripped of
their quotes (`[a,b]`), else text. Dashes in keys are underscores unless something is spelled with the dash.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

from olmoearth_core.config.reference import Reference
from olmoearth_core.config.source import Layer, Path
from olmoearth_core.errors import Fault

_NUMBER = re.compile(r"[-+]?[\d_.]+")


@dataclass(frozen=True)
class Override:
    """One setting of the command line.

    typed: the option as it was typed, without its value. raw: the text of the value; None for a bare switch.
    """

    typed: str
    path: Path
    raw: str | None
    value: Any


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Divide a command line in config files and overrides.

    Files come first; from the first option on, everything is an override. `key=value` without dashes is one too,
    unless a file has that name.
    """
    for i, argument in enumerate(arguments):
        if argument.startswith("--") or ("=" in argument and not File(argument).exists()):
            return list(arguments[:i]), list(arguments[i:])
    return list(arguments), []


def parse(arguments: Sequence[str]) -> tuple[list[Override], list[Fault]]:
    """Read overrides in the order typed."""
    found: list[Override] = []
    faults: list[Fault] = []
    waiting = list(arguments)
    while waiting:
        token = waiting.pop(0)
        option, equals, raw = token.partition("=")
        bare = not equals and (not waiting or waiting[0].startswith("--"))
        if not equals and not token.startswith("-"):
            faults.append(Fault(token, "", "expected an option --section.key=value"))
            continue
        if not equals and not bare:
            raw = waiting.pop(0)
        path = tuple(option.lstrip("-").split("."))
        if not all(path):
            faults.append(Fault(token, "", "expected an option --section.key=value, keys joined by single dots"))
            continue
        value = True if bare else literal(raw)
        if value == {}:
            why = "an empty table changes nothing, because tables are merged; write null for the default"
            faults.append(Fault(token, "", why))
            continue
        found.append(Override(option, path, None if bare else raw, value))
    return found, faults


def literal(raw: str) -> Any:
    """Turn the text of a value into JSON-like Python; what is no literal stays text."""
    loaded = Reference.load(raw) if "${" in raw else None
    if loaded is not None:
        return loaded
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        pass
    if _NUMBER.match(raw) and "_" in raw:
        return raw
    try:
        return _plain(ast.literal_eval(raw.strip()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return _flow(raw)


def layer_of(overrides: Sequence[Override], tree: Mapping[str, Any]) -> list[Layer]:
    """Make one layer per override, component names first: choosing a block must not undo its arguments."""
    ordered = sorted(overrides, key=lambda o: not o.path[-1].startswith("@"))
    return [_layer(o, spelled(o.path, tree)) for o in ordered]


def spelled(path: Path, tree: Any) -> Path:
    """Replace dashes by underscores in each key that the tree does not spell with a dash."""
    found: list[str] = []
    for part in path:
        key = part if isinstance(tree, Mapping) and part in tree else part.replace("-", "_")
        tree = tree.get(key) if isinstance(tree, Mapping) else None
        found.append(key)
    return tuple(found)


def _layer(override: Override, path: Path) -> Layer:
    layer = Layer(override.typed, override.typed)
    node = layer.tree
    for i, part in enumerate(path[:-1], 1):
        node = node.setdefault(part, {})
        layer.origins[path[:i]] = override.typed
    node[path[-1]] = override.value
    _claim(layer, path, override.value, override.typed)
    return layer


def _claim(layer: Layer, path: Path, value: Any, typed: str) -> None:
    layer.origins[path] = typed
    for key, below in value.items() if isinstance(value, dict) else ():
        _claim(layer, (*path, key), below, typed)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError


def _flow(raw: str) -> Any:
    """Read [a, b] and {k: v} whose words lost their quotes; anything else is text."""
    text = raw.strip()
    if not (text.startswith(("[", "{")) and text.endswith(("]", "}"))):
        return raw
    # A colon ends a word only before a space, as in YAML, so that gs://bucket stays one word.
    word = r'"(?:\\.|[^"\\])*"|(?:[^\s\[\]{},":]|:(?!\s))(?:[^\[\]{},":]|:(?!\s))*'
    try:
        return json.loads(re.sub(word, lambda m: _word(m[0].strip()), text))
    except ValueError:
        return raw


def _word(text: str) -> str:
    if text == ":" or text.startswith('"'):
        return text
    inner = literal(text) if not text.startswith(("[", "{")) else text
    return json.dumps(inner)
