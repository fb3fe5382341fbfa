"""Which benchmarks are installed, what they say about themselves, and which one a short name means."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from olmoearth_core.errors import ConfigError, OlmoEarthError, UnknownComponent
from olmoearth_core.interfaces.evaluation import About, Benchmark, Published
from olmoearth_core.kinds import registry
from olmoearth_core.names import closest


@dataclass(frozen=True)
class Entry:
    """One installed benchmark. benchmark: made with its defaults, None if that is impossible. reason: then why."""

    name: str
    origin: str
    benchmark: Benchmark | None
    reason: str = ""

    @property
    def about(self) -> About | None:
        """What it says about its data; None if it says nothing."""
        return self.benchmark.about if isinstance(self.benchmark, Published) else None

    def facts(self, environment: Mapping[str, str]) -> dict[str, Any]:
        """Return plain facts for a table or JSON. public: whether there is something to fetch."""
        about, benchmark = self.about, self.benchmark
        return {
            "name": self.name,
            "package": self.origin,
            "title": about.title if about else "",
            "task_type": benchmark.task_type if benchmark else "",
            "primary_metric": benchmark.primary_metric if benchmark else "",
            "licence": about.licence if about else "",
            "citation": about.citation if about else "",
            "homepage": about.homepage if about else "",
            "variable": about.variable if about else "",
            "variable_is_set": bool(about and environment.get(about.variable)),
            "public": bool(about and about.downloads),
            "prepared": bool(about and about.prepared),
            "layout": about.layout if about else "",
            "reason": self.reason,
        }


def entries() -> list[Entry]:
    """Return every installed benchmark by name; one that cannot be made carries the reason instead."""
    return [_entry(name, component.origin) for name, component in registry.benchmarks.components().items()]


def named(name: str) -> str:
    """Return the component that a full or short name means: `acme.crops.v1`, `crops`, `some-crops` for some_crops.

    Of several versions the newest is meant.

    Raises:
        UnknownComponent: none has that name, or several packages have one of it.
    """
    known = list(registry.benchmarks.components())
    typed = name.strip()
    if typed in known:
        return typed
    short = typed.lower().replace("-", "_")
    found = [full for full in known if short in (_thing(full), _thing(full, with_package=True))]
    packages = sorted({full.partition(".")[0] for full in found})
    if len(packages) == 1:
        return max(found, key=lambda full: int(full.rpartition(".v")[2]))
    if packages:
        raise UnknownComponent(f'"{name}" may be {", ".join(found)}. Write the whole name.')
    close = closest(short, known) or closest(typed, [_thing(full) for full in known])
    advice = f'Did you mean "{close}"?' if close else f"Installed: {', '.join(known) or 'none'}."
    raise UnknownComponent(f'no benchmark named "{name}". {advice}')


def made(name: str, settings: Mapping[str, Any] | None = None) -> Benchmark:
    """Make a benchmark by full or short name.

    settings: its arguments; those it does not take are refused.

    Raises:
        ConfigError: a setting is unknown, missing or not possible.
    """
    full, given = named(name), dict(settings or {})
    factory = registry.benchmarks.get(full)
    takes = inspect.signature(inspect.unwrap(factory)).parameters
    if unknown := [key for key in given if key not in takes]:
        raise ConfigError(f"{full}: there is no setting {', '.join(unknown)}; there are {', '.join(takes) or 'none'}.")
    if needed := [key for key, p in takes.items() if p.default is p.empty and key not in given]:
        raise ConfigError(f"{full}: needs {', '.join(needed)}; give it with --set {needed[0]}=VALUE.")
    try:
        benchmark: Benchmark = factory(**given)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{full}: cannot be made of {given} ({error}). `olmoearth plugins show {full}`") from error
    return benchmark


def variable_of(entry: Entry) -> str:
    """Return the environment variable of a benchmark and whether it is set, for people."""
    if entry.about is None or not entry.about.variable:
        return "-"
    return f"{entry.about.variable} ({'set' if os.environ.get(entry.about.variable) else 'not set'})"


def _entry(name: str, origin: str) -> Entry:
    try:
        return Entry(name, origin, made(name))
    except OlmoEarthError as error:
        return Entry(name, origin, None, str(error).splitlines()[0])
    # A package may fail in any way it likes; the others are still listed.
    except Exception as error:
        return Entry(name, origin, None, f"{type(error).__name__}: {error}")


def _thing(full: str, *, with_package: bool = False) -> str:
    stem = full.rpartition(".v")[0]
    return stem if with_package else stem.partition(".")[2]
