"""Let installed packages add commands; one that fails to is named and left out."""

from __future__ import annotations

import importlib.metadata
import sys

from olmoearth_core.cli.commands import Commands

HOOKS = "olmoearth_hooks"


def ask_packages(table: Commands) -> None:
    """Call the hook `add_commands` of every installed hook module, in order of package name."""
    if not importlib.metadata.entry_points(group=HOOKS):
        return  # nobody to ask: pluggy need not be loaded to print a help page
    from olmoearth_core import plugins

    listeners = plugins.manager()
    for loaded in plugins.load(listeners):
        if loaded.error is not None:
            print(f"{loaded.origin}: its hooks do not load ({loaded.error})", file=sys.stderr)
            continue
        table.owner = loaded.origin
        answer = plugins.call_one(listeners, loaded.name, "add_commands", commands=table)
        if answer.error is not None:
            print(f"{loaded.origin}: its commands are left out ({answer.error})", file=sys.stderr)
