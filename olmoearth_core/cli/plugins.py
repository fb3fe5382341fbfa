"""`olmoearth plugins`: what is installed, and how to use one of it.

Listing reads package metadata only; `--long` and `show` import what they describe.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from olmoearth_core import describe
from olmoearth_core.errors import BrokenComponent, OlmoEarthError, UnknownComponent
from olmoearth_core.kinds import kinds
from olmoearth_core.names import closest
from olmoearth_core.registry import Component

app = typer.Typer(help="List installed components and show how to use one.", no_args_is_help=True)
_KIND = Annotated[str | None, typer.Option("--kind", help="only this kind, e.g. losses")]


@app.command("list")
def list_components(
    kind: _KIND = None,
    long: Annotated[bool, typer.Option("--long", help="also describe each (imports all of them)")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """List every component with the package that provides it."""
    rows = [_row(component, long=long) for component in _components(kind)]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    widths = [max((len(row[key]) for row in rows), default=0) for key in ("kind", "name", "origin")]
    for row in rows:
        cells = [row[key].ljust(width) for key, width in zip(("kind", "name", "origin"), widths, strict=True)]
        rivals = ", ".join(row["clash"])
        remarks = [f"clash with {rivals}" if rivals else "", row.get("description", "")]
        typer.echo("  ".join([*cells, *filter(None, remarks)]).rstrip())


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="name of a component or a modality")],
    kind: _KIND = None,
) -> None:
    """Print a config block ready to paste: defaults, what each argument means, where it comes from."""
    everything = list(_components(kind))
    found = [c for c in everything if name in (c.name, c.name.upper())]
    if not found:
        meant = closest(name, [component.name for component in everything])
        hint = f'Did you mean "{meant}"?' if meant else "`olmoearth plugins list` shows all of them."
        raise UnknownComponent(f'no component named "{name}" is installed. {hint}')
    typer.echo("\n\n".join(describe.block(c, kinds()[c.kind].get(c.name)) for c in found))


def _components(kind: str | None) -> Iterable[Component]:
    known = kinds()
    if kind is not None and kind not in known:
        meant = closest(kind, known)
        raise UnknownComponent(
            f'--kind: there is no kind "{kind}". '
            + (f'Did you mean "{meant}"?' if meant else f"Kinds: {', '.join(known)}.")
        )
    for name, registry in known.items():
        if kind in (None, name):
            yield from registry.components().values()


def _row(component: Component, *, long: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "kind": component.kind,
        "name": component.name,
        "origin": component.origin,
        "distribution": component.distribution,
        "version": component.version,
        "target": component.target,
        "clash": [rival.origin for rival in component.rivals],
    }
    return row | {"description": _description(component)} if long else row


def _description(component: Component) -> str:
    try:
        return describe.first_sentence(kinds()[component.kind].get(component.name))
    except BrokenComponent as error:
        return f"broken: {error.__cause__}"
    except OlmoEarthError:
        return ""
