"""What this package adds to the command line: `olmoearth openstreetmap`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from olmoearth_core.hooks import hookimpl

if TYPE_CHECKING:
    from olmoearth_core.cli.commands import Commands


@hookimpl
def add_commands(commands: Commands) -> None:
    """Add the group of commands, imported only when one of them runs."""
    commands.add(
        "openstreetmap", "olmoearth_openstreetmap.commands:app", help="choose places by and make tiles of maps"
    )
