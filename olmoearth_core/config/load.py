"""From files and options to one checked config: parse, extend, merge, override, check, fill, replace references.

Everything that is wrong is reported at once, each fault with the file and line, or the option, that caused it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path as File
from typing import Any

from olmoearth_core.config.check import Examination, examine
from olmoearth_core.config.layers import Merged
from olmoearth_core.config.locate import gather
from olmoearth_core.config.overrides import layer_of, parse, spelled
from olmoearth_core.config.reference import replace_all
from olmoearth_core.config.resolved import Config
from olmoearth_core.config.shipped_tasks import shipped_layers
from olmoearth_core.config.source import Layer, Path, read, wrap
from olmoearth_core.config.suggest import unknown_key
from olmoearth_core.errors import ConfigError, Fault

__all__ = ["Config", "load", "load_text"]


def load(
    paths: Sequence[str | File],
    overrides: Sequence[str] = (),
    *,
    layers: Sequence[Mapping[str, Any]] = (),
    partial: bool = False,
) -> Config:
    """Load config files left to right, then dicts, then command-line options; return the checked whole.

    paths: files, or names of shipped recipes. overrides: e.g. ["--run.seed=1", "--trainer.save_interval", "10"].
    layers: nested dicts of the same shape as the files. partial: top sections may be missing (evaluation tasks).
    Raises ConfigError with all faults. Never touches data.
    """
    if not paths and not layers:
        raise ConfigError("no config named; give a file or a recipe, e.g. configs/v1_2/nano.cfg")
    sources = [*gather(paths), *(wrap(layer, f"layer {i}") for i, layer in enumerate(layers, 1))]
    return _resolve(sources, overrides, partial, ship=True)


def load_text(text: str, name: str, overrides: Sequence[str] = (), *, partial: bool = False) -> Config:
    """Load one .cfg text that extends nothing, e.g. the resolved config of a checkpoint."""
    layer = read(text, name)
    if "config" in layer.tree:
        layer.faults.append(
            Fault(layer.origins["config",], "[config]", "a text has no place that extends could start from")
        )
        del layer.tree["config"]
    return _resolve([layer], overrides, partial)


def _resolve(sources: Sequence[Layer], options: Sequence[str], partial: bool, *, ship: bool = False) -> Config:
    merged = Merged()
    for layer in sources:
        merged.apply(layer)
    typed = _override(merged, options)
    # Not for a resolved text: what it was checked with is all it says, whatever is installed by now.
    shipped = shipped_layers(merged.tree) if ship else []
    for layer in shipped:
        merged.apply(layer)
    first = examine(merged.tree, typed, partial=partial)
    faults = [*merged.faults, *_faults(first, merged)]

    def complain(path: Path, name: str, why: str) -> None:
        faults.append(_fault(merged, path, f"${{{name}}} {why}"))

    tree = replace_all(first.tree, complain)
    # Once more: what stood behind a reference has a type, too.
    second = examine(tree, typed, partial=partial)
    faults += _faults(second, merged)
    if faults:
        raise ConfigError(_in_order(faults, [layer.name for layer in sources]))
    made_of = [(layer.name, layer.text) for layer in sources]
    if options:
        made_of.append(("overrides", "\n".join(options) + "\n"))
    made_of += [(layer.name, layer.text) for layer in shipped]
    notes = dict.fromkeys((*first.notes, *second.notes, *_idle(second.tree, merged, typed)))
    return Config(second.tree, _origins(second.tree, merged), tuple(made_of), tuple(notes))


def _override(merged: Merged, options: Sequence[str]) -> dict[Path, str | None]:
    """Apply the command line; return the raw text of each value, None for a bare switch."""
    overrides, faults = parse(options)
    merged.faults += faults
    together = Layer("command line", "")
    typed: dict[Path, str | None] = {}
    for layer in layer_of(overrides, merged.tree):
        _graft(together.tree, layer.tree)
        together.origins.update(layer.origins)
        merged.apply(layer)
    for override in overrides:
        typed[spelled(override.path, merged.tree)] = override.raw
    check = Merged()
    check.apply(together)
    merged.faults += [fault for fault in check.faults if fault not in merged.faults]
    return typed


def _graft(tree: dict[str, Any], new: Mapping[str, Any]) -> None:
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            _graft(tree[key], value)
        else:
            tree[key] = dict(value) if isinstance(value, dict) else value


def _fault(merged: Merged, path: Path, message: str) -> Fault:
    *section, key = path
    at = f"[{'.'.join(section)}] {key}" if section else f"[{key}]"
    return Fault(merged.where(path) or "config", at, message)


def _faults(found: Examination, merged: Merged) -> list[Fault]:
    faults = [_fault(merged, path, message) for path, message in found.faults]
    for path, owner, options in found.unknown:
        faults.append(_fault(merged, path, unknown_key(path, owner, options, merged.tree, found.tree)))
    # A value that could not be read was already complained about; its type is no further news.
    said = {(fault.where, fault.key) for fault in merged.faults}
    return [fault for fault in faults if (fault.where, fault.key) not in said]


def _in_order(faults: Sequence[Fault], names: Sequence[str]) -> list[Fault]:
    def place(fault: Fault) -> tuple[int, int]:
        name, _, line = fault.where.rpartition(":")
        return (names.index(name), int(line)) if name in names and line.isdigit() else (len(names), 0)

    return sorted(dict.fromkeys(faults), key=place)


def _origins(tree: Mapping[str, Any], merged: Merged, path: Path = ()) -> dict[Path, str]:
    found: dict[Path, str] = {}
    for key, value in tree.items():
        below = (*path, key)
        found[below] = merged.origins.get(below, "default")
        if isinstance(value, dict):
            found.update(_origins(value, merged, below))
    return found


def _idle(tree: Mapping[str, Any], merged: Merged, typed: Mapping[Path, str | None]) -> list[str]:
    """Options that set something inside a disabled block have no effect: say so."""
    notes = []
    for path in typed:
        node: Any = tree
        for i, part in enumerate(path[:-1], 1):
            node = node.get(part) if isinstance(node, dict) else None
            if isinstance(node, dict) and node.get("enabled") is False and path[i:] != ("enabled",):
                block = ".".join(path[:i])
                notes.append(f"{'.'.join(path)} has no effect: {block} is disabled; add --{block}.enabled=true")
                break
    return notes
