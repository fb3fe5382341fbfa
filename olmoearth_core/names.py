"""What a name may look like, and which one was probably meant.

Modalities carry their bare data name (also H5 key, config value and state-dict key); every other component is
`package.thing.vN`. Only packages of a fixed first-party table are ever proposed for installation: inviting people
to `pip install` whatever they mistyped would be a gift to name squatters.
"""

from __future__ import annotations

import difflib
import functools
import importlib.metadata
import importlib.util
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

COMPONENT = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_]*)+\.v[1-9][0-9]*")
MODALITY = re.compile(r"[a-z][a-z0-9_]*")
RESERVED = "olmoearth"
"""Prefix (and distribution) that only the root distribution may use."""


def prefix_of(distribution: str) -> str:
    """Return the prefix that a distribution's component names carry: its own name without `olmoearth-`."""
    return normal(distribution).removeprefix(f"{RESERVED}-")


def normal(distribution: str) -> str:
    """Return the one spelling of a distribution's name: lower case, dashes."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def oddity(kind: str, name: str, distribution: str) -> str | None:
    """Return what is wrong with a name that a distribution gives to a component, or None."""
    if kind == "modalities":
        return (
            None if MODALITY.fullmatch(name) else f'"{name}" must be lower case with underscores, like "its_data_name"'
        )
    if not COMPONENT.fullmatch(name):
        return f'"{name}" must read like "{prefix_of(distribution)}.thing.v1"'
    prefix = name.partition(".")[0]
    if normal(prefix) != prefix_of(distribution):
        return f'"{name}" must start with "{prefix_of(distribution)}.", the name of its distribution'
    return None


def closest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the known name that was probably meant, in its newest version, or None.

    A name also matches by its middle part alone, so that people who know only the thing find its package; the only
    name that begins with the word is the one meant, however much longer it is.
    """
    known = list(known)
    word = word.strip().lower()
    begun = [name for name in known if len(word) > 3 and name.lower().startswith(word)]
    if len(begun) == 1:
        return begun[0]
    scores = {name: max(_likeness(word, name.lower()), _likeness(_thing(word), _thing(name.lower()))) for name in known}
    best = max(known, key=lambda name: (scores[name], _version(name), name), default=None)
    if best is None or scores[best] < cutoff:
        return None
    return max((n for n in known if _stem(n) == _stem(best)), key=_version)


def first_party() -> Mapping[str, tuple[str, ...]]:
    """Return distribution -> modality names of the packages that this project publishes, installed or not."""
    spec = importlib.util.find_spec("olmoearth_plugins")  # finds without importing: the frame imports no component
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return _table(folders[0]) if folders else {}


def missing_package(name: str) -> str | None:
    """Return the first-party distribution that provides a name and is not installed, if there is one."""
    prefix, dotted, _ = name.partition(".")
    for distribution, modalities in first_party().items():
        provides = prefix == prefix_of(distribution) if dotted else name in modalities
        if provides and not _installed(distribution):
            return distribution
    return None


def absent_modalities() -> dict[str, str]:
    """Return modality -> distribution for the first-party packages that are not installed."""
    return {m: d for d, modalities in first_party().items() if modalities and not _installed(d) for m in modalities}


@functools.cache
def _table(folder: str) -> dict[str, tuple[str, ...]]:
    file = Path(folder) / "first_party.json"
    return {d: tuple(m) for d, m in json.loads(file.read_text("utf-8")).items()} if file.is_file() else {}


def _installed(distribution: str) -> bool:
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _likeness(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, a, b).ratio()


def _stem(name: str) -> str:
    return re.sub(r"\.v\d+$", "", name)


def _thing(name: str) -> str:
    return _stem(name).partition(".")[2] or name


def _version(name: str) -> int:
    found = re.search(r"\.v(\d+)$", name)
    return int(found[1]) if found else 0
