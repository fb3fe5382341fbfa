"""How a tree is written as .cfg text: sections depth first, one JSON value a line; reading it gives the same tree."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_NAME = re.compile(r"[A-Za-z_][\w-]*")
_KEY = re.compile(r"@?[A-Za-z_][\w-]*")


def write(tree: Mapping[str, Any], comment: Callable[[tuple[str, ...]], str] | None = None, at: str = "") -> str:
    """Write a tree.

    comment: what to say above a section or key, given its path; "" for nothing. at: section that the tree lies in.
    """
    blocks: list[str] = []
    if at:
        _section(blocks, tuple(at.split(".")), tree, comment or (lambda path: ""))
    else:
        for name, section in tree.items():
            _section(blocks, (name,), section, comment or (lambda path: ""))
    return "\n\n".join(blocks) + "\n"


def value(of: Any) -> str:
    """Write one value; a dollar sign is doubled, because ${...} is a reference."""
    return json.dumps(of, ensure_ascii=False).replace("$", "$$")


def _section(
    blocks: list[str], path: tuple[str, ...], node: Mapping[str, Any], comment: Callable[[tuple[str, ...]], str]
) -> None:
    lines = [*_comment(comment(path)), f"[{'.'.join(path)}]"]
    inner = []
    for key, item in node.items():
        if _expands(key, item):
            inner.append((key, item))
        else:
            lines += [*_comment(comment((*path, key))), f"{key} = {value(item)}"]
    blocks.append("\n".join(lines))
    for key, item in inner:
        _section(blocks, (*path, key), item, comment)


def _expands(key: str, item: Any) -> bool:
    """Whether a part gets a section of its own; one with unusual keys is written inline as JSON."""
    return isinstance(item, Mapping) and bool(_NAME.fullmatch(key)) and all(_plain(k, v) for k, v in item.items())


def _plain(key: str, item: Any) -> bool:
    if not isinstance(item, Mapping):
        return bool(_KEY.fullmatch(key))
    return bool(_NAME.fullmatch(key))


def _comment(text: str) -> list[str]:
    return [f"# {line}".rstrip() for line in text.splitlines()]
