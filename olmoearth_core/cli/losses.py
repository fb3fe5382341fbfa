"""`olmoearth losses`: what each loss computes, what it takes, and its value on a small example."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from olmoearth_core.registry import Component
    from olmoearth_core.testing.loss_examples import Measured

app = typer.Typer(help="Show what losses compute.", no_args_is_help=True, rich_markup_mode=None)
_SAYS = "Describe "
_WIDEST = 120


@app.callback()
def _losses() -> None:
    """Keep `show` a command of its own: a lone command would take the place of the group."""


@app.command()
def show(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="only this one, in full", show_default=False)
    ] = None,
) -> None:
    """Print formula, value and arguments of losses.

    The value is computed now, with default arguments, on an example of two samples. Beside it stands the golden number
    that was written down with this version, where its source tree is at hand; exit code 1 if they differ.
    """
    from rich.console import Console
    from rich.padding import Padding

    from olmoearth_core.errors import OlmoEarthError
    from olmoearth_core.kinds import registry

    console = Console(highlight=False, markup=False)
    console.width = min(console.width, _WIDEST)
    components = registry.losses.components() if name is None else {name: registry.losses.component(name)}
    differs = False
    for component in components.values():
        with console.capture() as page:
            try:
                differs |= _one(console, component, whole=name is not None)
            except OlmoEarthError as error:
                if name is not None:
                    raise
                console.print(component.name, style="bold")
                console.print(Padding(f"not usable: {error}", (0, 0, 0, 2), style="red"))
        typer.echo("\n".join([line.rstrip() for line in page.get().splitlines()] + [""] * (name is None)))
    if differs:
        raise typer.Exit(1)


def formula(factory: Callable[..., Any]) -> str:
    """Return the first paragraph of a factory's docstring, without "Describe" and the full stop."""
    text = " ".join(_paragraphs(factory)[:1])
    return text.removeprefix(_SAYS).rstrip(".") or "(not documented)"


def remarks(factory: Callable[..., Any]) -> list[str]:
    """Return the paragraphs between the formula and the arguments."""
    known = {*inspect.signature(factory).parameters, "Raises"}
    return [p for p in _paragraphs(factory)[1:] if p.partition(":")[0].split(", ")[0] not in known]


def _paragraphs(factory: Callable[..., Any]) -> list[str]:
    """Split a docstring where a line is empty or an argument begins."""
    text = inspect.getdoc(factory) or ""
    names = "|".join((*inspect.signature(factory).parameters, "Raises"))
    return [" ".join(part.split()) for part in re.split(rf"\n\s*\n|\n(?=(?:{names})\b[^.]*?:)", text) if part.strip()]


def _one(console: Console, component: Component, *, whole: bool) -> bool:
    """Print one loss; return whether its value differs from what was written down."""
    from rich.padding import Padding

    from olmoearth_core.kinds import registry
    from olmoearth_core.testing.loss_examples import measure

    factory = registry.losses.get(component.name)
    needed = [p.name for p in inspect.signature(factory).parameters.values() if p.default is p.empty]
    loss = None if needed else factory()
    measured = measure(component, loss) if loss is not None else None
    console.print(component.name, style="bold")
    told = [formula(factory), *(r for r in remarks(factory) if whole or re.match(r"\w+ = ", r))]
    facts = [
        ("metric", getattr(loss, "name", "none") if loss is not None else f"known once {', '.join(needed)} is given"),
        ("value", _value(measured) if measured else f"needs {', '.join(needed)}"),
        ("from", component.origin),
    ]
    for part in (*told, _facts(facts)):
        console.print(Padding(part, (0, 0, 0, 2)))
    if inspect.signature(factory).parameters:
        console.print(Padding(_arguments(factory), (1, 0, 0, 2)))
    return measured is not None and measured.differs


def _facts(facts: list[tuple[str, Any]]) -> Any:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for row in facts:
        table.add_row(*row)
    return table


def _arguments(factory: Callable[..., Any]) -> Any:
    """Return a line per argument: name, default, meaning."""
    from rich.table import Table
    from rich.text import Text

    from olmoearth_core.describe import argument_help

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="cyan")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    docs = argument_help(factory)
    for parameter in inspect.signature(factory).parameters.values():
        default = "needed" if parameter.default is parameter.empty else _spelled(parameter.default)
        table.add_row(parameter.name, default, Text(docs.get(parameter.name, "")))
    return table


def _value(measured: Measured) -> Any:
    from rich.text import Text

    golden = "no golden number here" if measured.recorded is None else f"golden {measured.recorded:.6f}"
    if measured.value is None:
        return Text(f"not computed ({measured.reason}); {golden}")
    wrong = ": DIFFERS" if measured.differs else ""
    text = f"{measured.value:.6f}, {golden}{wrong} (example: {measured.takes})"
    return Text(text, style="bold red" if wrong else "")


def _spelled(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
