"""`olmoearth config`: look at configs without running anything; no data is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from olmoearth_core.cli.commands import OVERRIDES

if TYPE_CHECKING:
    from olmoearth_core.config.resolved import Config

app = typer.Typer(
    help="Check, show, fill, compare and explain configs. CONFIG is a file or a shipped recipe; several are laid over "
    "each other from left to right, then come overrides: --section.key=value.",
    no_args_is_help=True,
)
_Arguments = Annotated[list[str], typer.Argument(metavar="CONFIG... [--SECTION.KEY=VALUE...]", show_default=False)]


@app.command(context_settings=OVERRIDES)
def check(arguments: _Arguments) -> None:
    """Report every fault of a config at once, with file and line; exit code 2 if there is any.

    Names, keys and types come first; where they are right, values that a component refuses.
    """
    from olmoearth_core.config.build import build

    config = _load(arguments)
    build(config)
    blocks = sum(path[-1].startswith("@") for path in config.origins)
    typer.echo(f"no faults; {blocks} components; sources: {', '.join(name for name, _ in config.layers)}")


@app.command(context_settings=OVERRIDES)
def show(
    arguments: _Arguments,
    section: Annotated[str | None, typer.Option("--section", help="only this section or key, e.g. model")] = None,
) -> None:
    """Print the resolved config: all layers joined, defaults filled in, references replaced."""
    from olmoearth_core.config import explain

    typer.echo(explain.section(_load(arguments), section), nl=False)


@app.command(context_settings=OVERRIDES)
def fill(arguments: _Arguments) -> None:
    """Print one complete file: every key with its value, meaning and origin; it loads again as it is."""
    from olmoearth_core.config import explain

    typer.echo(explain.complete(_load(arguments)), nl=False)


@app.command()
def diff(
    left: Annotated[str, typer.Argument(help="a config, or several joined by commas", show_default=False)],
    right: Annotated[str, typer.Argument(help="the config to compare it with", show_default=False)],
) -> None:
    """Print the keys in which two configs differ, side by side; nothing if they are equal."""
    from olmoearth_core.config import explain
    from olmoearth_core.config.load import load

    rows = explain.differences(load(left.split(",")), load(right.split(",")))
    for line in explain.table([("", left, right), *rows]) if rows else ():
        typer.echo(line)


@app.command(context_settings=OVERRIDES)
def why(
    key: Annotated[str, typer.Argument(help="dotted key or section, e.g. trainer.save_interval", show_default=False)],
    arguments: _Arguments,
) -> None:
    """Say which line, override or default set a key, what it overrode, and what the key means."""
    from olmoearth_core.config import explain

    for line in explain.why(_load(arguments), key):
        typer.echo(line)


def _load(arguments: list[str]) -> Config:
    """Load a command line; what the user should know goes to standard error."""
    from olmoearth_core.config.load import load
    from olmoearth_core.config.overrides import split

    files, overrides = split(arguments)
    config = load(files, overrides)
    for note in config.notes:
        typer.echo(f"note: {note}", err=True)
    return config
