"""The command line: which commands there are, and what a failed one prints.

Nothing is imported for a command before it runs, so `olmoearth --help` answers at once. A command module defines
`app = typer.Typer(help=…, no_args_is_help=True)` for a group, or a plain function `command(…)`; `cli/commands.py` names
it. A command that takes config files and overrides declares one argument `arguments: list[str]`, which receives every
word that the command does not know itself, in order (`--a.b=value`, `--a.b -0.5`), and passes it to
`olmoearth_core.config.overrides.split`. Functions get the settings this needs (OVERRIDES) from the table in
`cli/commands.py`; a command inside a group says `@app.command(context_settings=OVERRIDES)` itself.

Exit codes: 0 fine, 1 something is broken or failed, 2 the user's mistake (one message, no traceback; `--debug`,
anywhere on the line, brings it back). Commands may end with others through `typer.Exit(code)`.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from olmoearth_core.cli.commands import FRAME, OVERRIDES, Command, Commands
from olmoearth_core.errors import BrokenComponent, OlmoEarthError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (default: this process's) and return its exit code.

    SystemExit passes through where a command chose its own code.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    try:
        application().main(args=[a for a in arguments if a != "--debug"], prog_name=FRAME)
    except (OlmoEarthError, OSError) as error:
        if debug:
            raise
        _report(error)
        return 2
    return 0


def application() -> Any:
    """Return the root command: a click group whose commands load when they run."""
    # Plain help: laying it out with rich costs 0.13 s, half of what the page may take.
    app = typer.Typer(cls=_Root, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback()(_olmoearth)
    return typer.main.get_command(app)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"{FRAME} {version(FRAME)}")
        raise typer.Exit


def _olmoearth(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="print it")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="show the traceback of an error")] = False,
) -> None:
    """Pretrain, evaluate and use Earth-observation foundation models made of named components."""


class _Lazy(TyperCommand):
    """A line of the help page that becomes the real command when it is run."""

    def __init__(self, command: Command) -> None:
        super().__init__(command.name, help=command.help)
        self.command = command

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        return self.real().make_context(*args, **kwargs)

    def real(self) -> Any:
        found, name = _load(self.command), self.command.name
        if isinstance(found, typer.Typer):
            return typer.main.get_group(found)
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name, context_settings=OVERRIDES if self.command.overrides else None)(found)
        return typer.main.get_command(app)


class _Root(TyperGroup):
    """The frame's commands and, asked only for help and for names it does not know, those of packages."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.table = Commands()
        self.asked_packages = False
        self._show()

    def list_commands(self, ctx: Any) -> list[str]:
        self._ask_packages()
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands:
            self._ask_packages()
        return super().get_command(ctx, cmd_name)

    def _show(self) -> None:
        self.commands = {name: _Lazy(command) for name, command in self.table.by_name.items()}

    def _ask_packages(self) -> None:
        if not self.asked_packages:
            self.asked_packages = True
            from olmoearth_core.cli.extend import ask_packages

            ask_packages(self.table)
            self._show()


def _load(command: Command) -> Any:
    module, _, name = command.target.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise BrokenComponent(
            f'the command "{command.name}" is provided by {command.owner}, but loading {command.target} failed:\n'
            f"    {type(error).__name__}: {error}"
        ) from error


def _report(error: Exception) -> None:
    """Say once what is wrong: every rank of a distributed run finds the same fault in a config."""
    if os.environ.get("RANK", "0") == "0" or not isinstance(error, OlmoEarthError):
        hint = "" if isinstance(error, OlmoEarthError) else " (--debug shows where)"
        print(f"error: {_sentence(error)}{hint}", file=sys.stderr)


def _sentence(error: Exception) -> str:
    if isinstance(error, PermissionError) and error.filename is not None:
        return f"{error.filename}: found, but this user may not use it. Change its permissions, or name another place."
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
