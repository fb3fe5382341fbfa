"""Where a config file lies, and which files it extends.

An argument is a path if it exists; else it is sought beside the source tree, else among the recipes inside the wheel.
"""

from __future__ import annotations

import difflib
import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

import olmoearth_core
from olmoearth_core.config.source import Layer, read
from olmoearth_core.errors import ConfigError, Fault

RESOURCE = "olmoearth_configs"
"""Resource package that carries the recipes in wheels."""


def locate(name: str | Path) -> Path:
    """Return the file that a config argument names; raise ConfigError with the nearest names if there is none."""
    if Path(name).is_file():
        return Path(name)
    if shipped := _shipped(str(name)):
        return shipped
    if Path(name).is_dir():
        raise ConfigError(f"{name} is a folder; name a .cfg file in it")
    close = _like(str(name))
    advice = f"Did you mean {close}?" if close else f"Recipes: {', '.join(recipes()) or 'none found'}."
    raise ConfigError(f"{name}: no such config file, neither here nor among the recipes. {advice}")


def recipes() -> list[str]:
    """Return the names of the shipped recipes, e.g. configs/base.cfg."""
    folder = next((home for home in _homes() if home.is_dir()), None)
    return [f"configs/{file.relative_to(folder)}" for file in sorted(folder.rglob("*.cfg"))] if folder else []


def gather(paths: Sequence[str | Path]) -> list[Layer]:
    """Read the named files and all they extend: each file once, at its first place in depth-first order."""
    found: dict[Path, Layer] = {}
    for path in paths:
        _gather(locate(path), found, ())
    return list(found.values())


def shown(file: Path) -> str:
    """Return a file's name for messages: relative where that is shorter."""
    relative = os.path.relpath(file)
    return relative if not relative.startswith("..") else str(file)


def _gather(file: Path, found: dict[Path, Layer], above: tuple[Path, ...]) -> None:
    identity = file.resolve()
    if identity in found:
        return
    layer = _read(file)
    parents, complaint = _extends(layer)
    for parent in parents:
        try:
            target = _sought(parent, file)
        except ConfigError as error:
            layer.faults.append(Fault(_line(layer), "[config] extends", str(error)))
            continue
        if target.resolve() in (*above, identity):
            circle = " -> ".join(map(shown, (*above[(*above, identity).index(target.resolve()) :], file, target)))
            layer.faults.append(Fault(_line(layer), "[config] extends", f"goes round in a circle: {circle}"))
            continue
        _gather(target, found, (*above, identity))
    layer.faults += complaint
    layer.tree.pop("config", None)
    found[identity] = layer


def _extends(layer: Layer) -> tuple[list[str], list[Fault]]:
    section = layer.tree.get("config", {})
    extends = section.get("extends", []) if isinstance(section, dict) else []
    extends = [extends] if isinstance(extends, str) else extends
    faults = [
        Fault(layer.origins.get(("config", key), layer.name), f"[config] {key}", "[config] takes only extends")
        for key in section
        if key != "extends"
    ]
    if not isinstance(extends, list) or not all(isinstance(item, str) for item in extends):
        return [], [*faults, Fault(_line(layer), "[config] extends", 'expected a list of files, e.g. ["../base.cfg"]')]
    return extends, faults


def _sought(parent: str, file: Path) -> Path:
    beside = file.parent / parent
    if beside.is_file():
        return beside
    if shipped := _shipped(parent):
        return shipped
    close = _like(parent)
    advice = f"Did you mean {close}?" if close else "Paths are relative to the file that extends."
    raise ConfigError(f"{shown(beside)}: no such file. {advice}")


def _like(name: str) -> str | None:
    return next(iter(difflib.get_close_matches(name, recipes(), n=1)), None)


def _line(layer: Layer) -> str:
    return layer.origins.get(("config", "extends"), layer.name)


def _read(file: Path) -> Layer:
    try:
        return read(file.read_text("utf-8"), shown(file))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{shown(file)}: cannot be read: {error}") from error


def _shipped(name: str) -> Path | None:
    """Find a recipe by its path below configs/, with or without that folder's name in front."""
    inner = name.removeprefix("./").removeprefix("configs/")
    return next((home / inner for home in _homes() if (home / inner).is_file()), None)


def _homes() -> list[Path]:
    spec = importlib.util.find_spec(RESOURCE)
    packaged = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    return [Path(olmoearth_core.__file__).parent.parent / "configs", *packaged]
