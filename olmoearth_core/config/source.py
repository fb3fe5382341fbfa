"""How the text of one .cfg file becomes a tree, with the line of every key.

The grammar is confection's (sections, `key = JSON`, full-line comments); it is read here because every fault of a
file must be reported at once and with its line, and because a section may come before its parent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from olmoearth_core.config.reference import Reference, mark, unescape
from olmoearth_core.errors import Fault

Path = tuple[str, ...]
Tree = dict[str, Any]

_HEADER = re.compile(r"\[([^\[\]]+)\]\s*$")
_KEY = re.compile(r"([^\s=:\[#;][^=:]*?)\s*[=:]\s*(.*)$")
_WORDS: dict[str, Any] = {"True": True, "False": False, "None": None}


@dataclass
class Layer:
    """One source of settings.

    name: how messages call it. text: what was written, comments included.
    origins: path of each section and key -> "file:line" (or the override).
    """

    name: str
    text: str
    tree: Tree = field(default_factory=dict)
    origins: dict[Path, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def read(text: str, name: str) -> Layer:
    """Parse a .cfg text; what is wrong with it ends up in `Layer.faults`."""
    layer = Layer(name, text)
    section: Path | None = None
    for number, line, rest in _statements(text):
        where = f"{name}:{number}"
        if header := _HEADER.match(line):
            section = _open(layer, header[1].strip(), where)
        elif line.startswith("["):
            layer.faults.append(Fault(where, line, "a section header is [name] alone on its line"))
            section = ()
        elif not (key := _KEY.match(line)):
            layer.faults.append(Fault(where, line, "expected a section [name] or a line key = value"))
        elif section is None:
            layer.faults.append(Fault(where, key[1], "stands before the first section; put it under one, e.g. [run]"))
        elif section:
            _set(layer, section, key[1], "\n".join([key[2], *rest]).strip(), where)
    return layer


def wrap(tree: Mapping[str, Any], name: str) -> Layer:
    """Make a layer of plain Python dicts; texts with ${section.key} are references."""
    layer = Layer(name, json.dumps(tree, indent=2, default=str), mark(_copy(tree)))
    for path in _paths(layer.tree):
        layer.origins[path] = name
    return layer


def interpret(raw: str) -> Any:
    """Read a value: JSON, True, False, None, or else text; ${section.key} anywhere stays a `Reference`."""
    if raw in _WORDS:
        return _WORDS[raw]
    loaded = Reference.load(raw) if "${" in raw else None
    if loaded is not None:
        return loaded
    try:
        return unescape(json.loads(raw))
    except (ValueError, RecursionError):
        return raw.replace("$$", "$")


def _statements(text: str) -> list[tuple[int, str, list[str]]]:
    """Split a text in (line number, first line, further lines): a value goes on while indented or inside brackets."""
    found: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        bare = line.strip()
        if not bare or bare[0] in "#;":
            continue
        if found and not _HEADER.match(found[-1][1]) and (line[0].isspace() or _is_open(found[-1])):
            found[-1][2].append(bare)
        else:
            found.append((number, bare, []))
    return found


def _is_open(statement: tuple[int, str, list[str]]) -> bool:
    key = _KEY.match(statement[1])
    if key is None or not key[2].startswith(("[", "{")):
        return False
    outside = re.sub(r'"(\\.|[^"\\])*"', "", " ".join([key[2], *statement[2]]))
    return sum(map(outside.count, "[{")) > sum(map(outside.count, "]}"))


def _open(layer: Layer, header: str, where: str) -> Path:
    section = tuple(part.strip() for part in header.split("."))
    if not all(section):
        layer.faults.append(
            Fault(where, f"[{header}]", "a section is names joined by single dots, e.g. [model.encoder_config]")
        )
        return ()
    if section in layer.origins and _declared(layer, section):
        layer.faults.append(
            Fault(where, f"[{header}]", f"this section was already opened at {layer.origins[section]}; join the two")
        )
    node = layer.tree
    for i, part in enumerate(section):
        child = node.setdefault(part, {})
        if not isinstance(child, dict):
            at = layer.origins[section[: i + 1]]
            layer.faults.append(
                Fault(where, f"[{header}]", f"{part} is already a value at {at}; it cannot be a section too")
            )
            return ()
        layer.origins.setdefault(section[: i + 1], where)
        node = child
    layer.origins[section] = where
    _declared(layer, section, now=True)
    return section


def _declared(layer: Layer, section: Path, *, now: bool = False) -> bool:
    mark_path = (*section, "[]")
    if now:
        layer.origins[mark_path] = ""
    return mark_path in layer.origins


def _set(layer: Layer, section: Path, key: str, raw: str, where: str) -> None:
    path, at = (*section, key), f"[{'.'.join(section)}] {key}"
    if path in layer.origins:
        layer.faults.append(Fault(where, at, f"was already set at {layer.origins[path]}; keep one"))
        return
    node = layer.tree
    for part in section:
        node = node[part]
    complaint = _complaint(raw)
    if complaint:
        layer.faults.append(Fault(where, at, complaint))
    value = interpret(raw)
    node[key] = value
    layer.origins[path] = where
    for below in _paths(value) if isinstance(value, dict) else ():
        layer.origins[(*path, *below)] = where


def _complaint(raw: str) -> str | None:
    """Say what is wrong with the spelling of a value, before its type is known."""
    if not raw:
        return 'has no value; write null for nothing, "" for an empty text'
    if len(raw) > 1 and raw[0] == raw[-1] == "'":
        return f'got {raw}; texts are JSON and take double quotes: "{raw[1:-1]}"'
    outside = re.sub(r'"(\\.|[^"\\])*"', '""', raw)
    if re.search(r"\s[#;]", outside):
        value = re.split(r"\s[#;]", raw)[0].strip()
        return f"got {raw}; a comment stands on a line of its own (here {value} was meant?)"
    if raw[0] in '[{"' and "${" not in raw:
        try:
            json.loads(raw)
        except (ValueError, RecursionError) as error:
            return f"got {raw}; that is no JSON: {error}"
    if re.search(r"(?<!\$)(\$\$)*\$(?![{$])", raw):
        return (
            f"got {raw}; a dollar sign is written $$, a reference ${{section.key}}; environment variables are not read"
        )
    return None


def _paths(tree: Mapping[str, Any]) -> list[Path]:
    found: list[Path] = []
    for key, value in tree.items():
        found.append((key,))
        if isinstance(value, dict):
            found += [(key, *below) for below in _paths(value)]
    return found


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list | tuple) else value
