"""Load the hook modules of installed packages: sorted, one at a time, none able to stop another.

pluggy's own loader stops at the first broken package and silently skips a second package that uses the same entry-point
name; this one does neither. `OLMOEARTH_BLOCK=dist,dist` leaves packages out; `OLMOEARTH_STRICT=1` (for CI) lets the
first failure through.
"""

from __future__ import annotations

import importlib.metadata
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pluggy

from olmoearth_core import hooks
from olmoearth_core.names import closest, normal

GROUP = "olmoearth_hooks"


@dataclass(frozen=True)
class Loaded:
    """One hook module of one package and what became of it: no error means that it is registered.

    name: "distribution:entry point". seconds: how long its import took, paid by every command.
    """

    name: str
    origin: str
    target: str
    seconds: float = 0.0
    error: Exception | None = None


def manager() -> pluggy.PluginManager:
    """Return an event mechanism that knows our hooks and has no listeners yet."""
    made = pluggy.PluginManager(hooks.PROJECT)
    made.add_hookspecs(hooks)
    return made


def load(into: pluggy.PluginManager, environ: Mapping[str, str] = os.environ) -> list[Loaded]:
    """Register every installed hook module that is not blocked, and say what happened to each of them.

    Raises the first error if OLMOEARTH_STRICT is set.
    """
    blocked = {normal(name.strip()) for name in environ.get("OLMOEARTH_BLOCK", "").split(",") if name.strip()}
    strict = environ.get("OLMOEARTH_STRICT", "") not in ("", "0")
    # Sorted, so that every rank of every node calls the hooks in the same order.
    points = sorted((_owner(point), point.name, point) for point in importlib.metadata.entry_points(group=GROUP))
    results = []
    for (distribution, version), _, point in points:
        if normal(distribution) in blocked:
            continue
        started = time.perf_counter()
        error = _register(into, point, f"{distribution}:{point.name}")
        if error is not None and strict:
            raise error
        took = time.perf_counter() - started
        name, origin = f"{distribution}:{point.name}", f"{distribution} {version}".strip()
        results.append(Loaded(name, origin, point.value, took, error))
    return results


@dataclass(frozen=True)
class Answer:
    """What one hook module returned, or how it failed; both None if it does not implement the hook."""

    result: Any = None
    error: Exception | None = None


def call_one(listeners: pluggy.PluginManager, name: str, hook: str, /, **facts: Any) -> Answer:
    """Call one hook of one registered module and keep its failure to itself."""
    caller = getattr(listeners.hook, hook)
    for implementation in caller.get_hookimpls():
        if implementation.plugin_name == name:
            try:
                return Answer(implementation.function(*(facts[fact] for fact in implementation.argnames)))
            # Whatever a listener does wrong, it may not hurt the command that asked.
            except Exception as error:
                return Answer(error=error)
    return Answer()


def unknown_hooks(module: object) -> list[str]:
    """Return the hooks that a module implements but nobody calls, each with what was probably meant."""
    specs = {name for name in vars(hooks) if hasattr(getattr(hooks, name), f"{hooks.PROJECT}_spec")}
    found = [n for n in dir(module) if hasattr(getattr(module, n, None), f"{hooks.PROJECT}_impl") and n not in specs]
    meant = {name: closest(name, specs) for name in found}
    return [f'"{name}"' + (f' (did you mean "{meant[name]}"?)' if meant[name] else "") for name in found]


def _register(into: pluggy.PluginManager, point: importlib.metadata.EntryPoint, name: str) -> Exception | None:
    # Whatever a package does wrong at import is caught here: it must not stop the others.
    try:
        module: Any = point.load()
        into.register(module, name=name)
        wrong = unknown_hooks(module)
        if not wrong:
            return None
        into.unregister(name=name)
        return pluggy.PluginValidationError(module, f"there is no hook called {', '.join(wrong)}")
    except Exception as error:
        if into.has_plugin(name):
            into.unregister(name=name)
        return error


def _owner(point: importlib.metadata.EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("", "")
