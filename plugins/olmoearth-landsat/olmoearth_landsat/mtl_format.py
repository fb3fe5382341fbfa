"""The three formats in which USGS writes the metadata (MTL) of a product: text (ODL), XML and JSON, of one structure.

Files come from the network: they are bounded in size and depth, and XML that declares document types, with which a few
bytes can grow to gigabytes, is refused. Source: Landsat 8-9 Collection 2 Level-1 Data Format Control Book (LSDS-1822).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from olmoearth_core.errors import DataError
from olmoearth_core.readers.xml_text import xml_root

MOST_BYTES = 4 * 2**20
"""True files have some 20 kB."""
SUFFIXES = ("_MTL.txt", "_MTL.xml", "_MTL.json")
ROOT = "LANDSAT_METADATA_FILE"
_LINE = re.compile(r"\s*(?P<key>[A-Za-z0-9_]+)\s*=\s*(?P<value>.*?)\s*")

Groups = Mapping[str, Mapping[str, str]]
"""Group -> key -> value, quotes removed."""


def groups(content: bytes, where: str) -> Groups:
    """Read an MTL file, its format being told by the end of its name.

    Raises:
        DataError: it is damaged, too large, or of another collection.
    """
    if len(content) > MOST_BYTES:
        raise DataError(f"{where}: more than {MOST_BYTES >> 20} MiB, expected some 20 kB. Is it damaged?")
    try:
        # As text, so that no other encoding can hide a declaration.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: is no text ({error.reason}). Fetch the product again.") from error
    read = {".txt": _odl, ".xml": _xml, ".json": _json}[where[where.rindex(".") :].lower()]
    root, found = read(text, where)
    if root != ROOT:
        hint = " It is of Collection 1, which USGS has replaced." if root == "L1_METADATA_FILE" else ""
        raise DataError(f'{where}: its outermost group is "{root[:60]}", expected {ROOT} of Collection 2.{hint}')
    return found


def _odl(text: str, where: str) -> tuple[str, Groups]:
    found: dict[str, dict[str, str]] = {}
    open_groups: list[str] = []
    root = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if line.strip() == "END":
            break
        parts = _LINE.fullmatch(line)
        if parts is None:
            raise DataError(f'{where}: line {number} is "{line.strip()[:60]}", expected KEY = value. Is it damaged?')
        key, value = parts["key"], parts["value"].strip('"')
        if key == "GROUP":
            open_groups.append(value)
            root = root or value
        elif key == "END_GROUP":
            if not open_groups or open_groups.pop() != value:
                raise DataError(f"{where}: line {number} ends a group {value[:60]} that is not open. Is it damaged?")
        else:
            found.setdefault(open_groups[-1] if open_groups else "", {})[key] = value
    if open_groups:
        raise DataError(f"{where}: ends inside the group {open_groups[-1][:60]}. It is torn; fetch the product again.")
    return root, found


def _xml(text: str, where: str) -> tuple[str, Groups]:
    root = xml_root(text.encode(), where, most_bytes=MOST_BYTES)
    return root.tag, {
        group.tag: {leaf.tag: (leaf.text or "").strip() for leaf in group if len(leaf) == 0} for group in root
    }


def _json(text: str, where: str) -> tuple[str, Groups]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: is no JSON ({error}). Fetch the product again.") from error
    if not isinstance(content, dict) or len(content) != 1:
        raise DataError(f"{where}: expected one object with the key {ROOT}. Fetch the product again.")
    root, body = next(iter(content.items()))
    found = body.items() if isinstance(body, dict) else ()
    return str(root), {str(name): _leaves(group) for name, group in found}


def _leaves(group: Any) -> dict[str, str]:
    pairs = group.items() if isinstance(group, dict) else ()
    return {str(key): str(value) for key, value in pairs if isinstance(value, str | int | float)}
