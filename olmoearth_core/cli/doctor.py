"""`olmoearth doctor`: import everything on purpose and say what is broken.

Listing imports nothing and so cannot know; this is the command that does. Exit code 1 if anything is broken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer

from olmoearth_core import environment, plugins
from olmoearth_core.errors import BrokenComponent, OlmoEarthError
from olmoearth_core.kinds import kinds
from olmoearth_core.lookup import modalities
from olmoearth_core.names import oddity
from olmoearth_core.registry import Component

SLOW_IMPORT = 0.2
"""Seconds that a hook module may take to load: every help page pays them."""


@dataclass(frozen=True)
class Finding:
    """One line of the report. state: ok | odd | clash | broken; only the last two make the exit code 1."""

    state: str
    kind: str
    name: str
    origin: str
    remark: str = ""


def command(
    conformance: Annotated[
        str | None, typer.Option("--conformance", metavar="PACKAGE", help="also run its conformance checks")
    ] = None,
) -> None:
    """Import every component and say what is broken; describe this machine."""
    findings = [*examine_components(), *examine_hooks()]
    _print(findings)
    for name, fact in environment.facts().items():
        typer.echo(f"{name:<12}  {fact}")
    for origin, told in environment.reported():
        facts = f"broken: {told}" if isinstance(told, Exception) else ", ".join(f"{k} {v}" for k, v in told.items())
        typer.echo(f"{origin:<12}  {facts}")
    bad = sum(finding.state in ("clash", "broken") for finding in findings)
    failed = _conformance(conformance) if conformance else 0
    if bad:
        typer.echo(f"{bad} of {len(findings)} components are broken", err=True)
    if bad or failed:
        raise typer.Exit(1)


def examine_components() -> Iterator[Finding]:
    """Import each component and yield what was found, in order of kinds and names."""
    for registry in kinds().values():
        for component in registry.components().values():
            yield _examine(component)


def examine_hooks() -> Iterator[Finding]:
    """Load each hook module and yield what was found."""
    for loaded in plugins.load(plugins.manager()):
        slow = f"takes {loaded.seconds:.1f} s to load" if loaded.seconds > SLOW_IMPORT else ""
        broken = f"{loaded.target}: {type(loaded.error).__name__}: {loaded.error}" if loaded.error else ""
        state = "broken" if broken else "odd" if slow else "ok"
        yield Finding(state, "hooks", loaded.name, loaded.origin, broken or slow)


def _examine(component: Component) -> Finding:
    def finding(state: str, remark: str = "") -> Finding:
        return Finding(state, component.kind, component.name, component.origin, remark)

    if component.rivals:
        return finding("clash", "also in " + ", ".join(rival.origin for rival in component.rivals))
    try:
        kinds()[component.kind].get(component.name)
        if component.kind == "modalities":
            modalities([component.name])
    except BrokenComponent as error:
        cause = f"{type(error.__cause__).__name__}: {error.__cause__}" if error.__cause__ else str(error)
        return finding("broken", f"{component.target}: {cause}")
    except OlmoEarthError as error:
        return finding("broken", str(error))
    odd = oddity(component.kind, component.name, component.distribution)
    return finding("odd", odd) if odd else finding("ok")


def _print(findings: list[Finding]) -> None:
    keys = ("state", "kind", "name", "origin")
    widths = {key: max((len(getattr(f, key)) for f in findings), default=0) for key in keys}
    for f in findings:
        cells = [getattr(f, key).ljust(widths[key]) for key in keys]
        typer.echo("  ".join([*cells, f.remark]).rstrip())


def _conformance(package: str) -> int:
    """Run the conformance checks of one distribution without pytest; return how many failed."""
    from olmoearth_core.testing.conformance import outcomes

    failed = 0
    for name, outcome, reason in outcomes(package):
        failed += outcome == "failed"
        typer.echo(f"{outcome:<8}  {name}  {reason}".rstrip())
    return failed
