"""Which commands there are, without importing any of them.

The frame's own commands are a table of module names; installed packages add theirs through the hook `add_commands`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

FRAME = "olmoearth"
OVERRIDES: dict[str, Any] = {"allow_extra_args": True, "ignore_unknown_options": True}
"""`context_settings` of a command whose `arguments: list[str]` takes `--section.key=value` too."""


@dataclass(frozen=True)
class Command:
    """A name on the command line and where its code is.

    target: "module:name" of a typer.Typer or of a function. overrides: a function that takes config overrides.
    """

    name: str
    target: str
    help: str
    owner: str = FRAME
    overrides: bool = False


BUILT_IN = (
    Command("train", "olmoearth_core.cli.train:command", "pretrain a model from config files", overrides=True),
    Command("evaluate", "olmoearth_core.cli.evaluate:command", "score a checkpoint on tasks", overrides=True),
    Command("benchmarks", "olmoearth_core.cli.benchmarks:app", "list benchmarks, fetch and check their data"),
    Command("results", "olmoearth_core.cli.results:app", "compare evaluations, also with published numbers"),
    Command("quickstart", "olmoearth_core.cli.quickstart:command", "from data to scores in minutes", overrides=True),
    Command("config", "olmoearth_core.cli.config:app", "check, show, fill, compare and explain configs"),
    Command("dataset", "olmoearth_core.cli.dataset:app", "simulate, convert, import and describe data sets"),
    Command("model", "olmoearth_core.cli.model:app", "describe, convert and compare models"),
    Command("masking", "olmoearth_core.cli.masking:app", "show which tokens of a sample are seen and predicted"),
    Command("losses", "olmoearth_core.cli.losses:app", "show formula, arguments and golden value of losses"),
    Command("plugins", "olmoearth_core.cli.plugins:app", "list installed components and show how to use one"),
    Command("doctor", "olmoearth_core.cli.doctor:command", "import everything and say what is broken"),
)


class Commands:
    """What the hook `add_commands` is given: a table to which a package adds lines."""

    def __init__(self, built_in: tuple[Command, ...] = BUILT_IN) -> None:
        """Start with the frame's own commands, which nobody can replace."""
        self.by_name = {command.name: command for command in built_in}
        self.owner = FRAME

    def add(self, name: str, target: str, *, help: str, overrides: bool = False) -> None:
        """Add a command; a taken name keeps its first owner and the newcomer is warned about.

        target: "module:name" of a typer.Typer or a function, imported when the command runs.
        help: one line for `olmoearth --help`. overrides: the function takes `arguments: list[str]` with `--a.b=value`.
        """
        taken = self.by_name.get(name)
        if taken is not None:
            warnings.warn(f"{self.owner}: the command {name} already belongs to {taken.owner}; ignored", stacklevel=2)
            return
        self.by_name[name] = Command(name, target, help, self.owner, overrides)
