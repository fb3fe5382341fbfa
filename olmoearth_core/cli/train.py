"""`olmoearth train`: config files and overrides to a trained checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from olmoearth_core.train.assemble import Run


def command(
    arguments: Annotated[list[str], typer.Argument(help="config files, then overrides: --section.key=value")],
    plan: Annotated[bool, typer.Option("--plan", help="say what would be trained, and stop")] = False,
) -> None:
    """Pretrain a model. Under torchrun, one process per device; a run that exists is resumed.

    Exit code 143: asked to stop by SIGTERM or SIGUSR1 and left a checkpoint, start the same command again.
    """
    run = prepare(arguments, os.environ)
    if plan:
        from olmoearth_core.train.plan import lines

        typer.echo("\n".join(lines(run)))
        return
    code = train(run, os.environ)
    if code:
        raise typer.Exit(code)


def prepare(arguments: Sequence[str], environment: Mapping[str, str]) -> Run:
    """Check a command line and return its run, nothing allocated yet.

    Raises:
        ConfigError: with all faults.
    """
    from olmoearth_core.config.build import build
    from olmoearth_core.config.load import load
    from olmoearth_core.config.overrides import split

    files, overrides = split(arguments)
    config = load(files, overrides)
    if environment.get("RANK", "0") == "0":
        for note in config.notes:
            typer.echo(f"note: {note}", err=True)
    from olmoearth_core.train.assemble import assemble

    return assemble(build(config), config=config, environment=environment)


def train(run: Run, environment: Mapping[str, str]) -> int:
    """Train and say in one line how it ended; return the exit code."""
    result = run.fit()
    if environment.get("RANK", "0") == "0":
        hint = "; start the same command again to go on" if result.outcome == "stopped" else ""
        typer.echo(f"{result.outcome} at step {result.step}: {result.run_dir}{hint}")
    return result.exit_code
