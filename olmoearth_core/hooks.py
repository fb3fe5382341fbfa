"""What happens in a run, and who may listen: the eight hooks.

A hook looks on and reports; removing one never changes the loss curve (what would is a component). Callbacks named in
the config and hook modules of installed packages (entry-point group `olmoearth_hooks`) implement any subset of these
functions with `@hookimpl`, taking any subset of the arguments. A module with hooks imports only the standard library
and `olmoearth_core` at its top, because it is imported at the start of a command.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from olmoearth_core.cli.commands import Commands
    from olmoearth_core.train.trainer import Trainer

PROJECT = "olmoearth"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def add_commands(commands: Commands) -> None:
    """When the command line is asked for help, or for a command that the frame does not have.

    Call `commands.add(name, "package.module:function", help="one line")`: the target is imported only when its
    command runs. A name that is taken keeps its first owner, and the frame's own commands always win.
    """


@hookspec
def describe_environment() -> Mapping[str, str]:
    """When `olmoearth doctor` reports.

    Return facts by name (versions of drivers, names of queues). Must not contain secrets, touch the network or
    take longer than a tenth of a second.
    """
    return {}


@hookspec(firstresult=True)
def resolve_uri(uri: str) -> Path | None:
    """When a path or URL of a config is about to be opened, on every rank and in loader workers.

    Return a local path for URIs of your own scheme and None for all others. The first answer counts. Must give the
    same answer on every rank and must not call torch.distributed.
    """
    return None


@hookspec
def run_started(run: Trainer) -> None:
    """Before the first step of this process (after a resume, too), on every rank.

    Model, optimizer and data are in place. Must not call torch.distributed and must not change the run.
    """


@hookspec
def step_ended(run: Trainer, step: int, metrics: Mapping[str, float]) -> None:
    """After optimizer step `step` (the first is 1), on every rank.

    Called once per step in order, but late: at a flush (`trainer.metrics_collect_interval`), for every step since the
    last one. Metrics are already averaged over ranks; those of the last step of a flush carry `throughput/...` too.
    Must not call torch.distributed, wait for the device or change the model: observe or report.
    """


@hookspec
def evaluated(run: Trainer, step: int, name: str, metrics: Mapping[str, float]) -> None:
    """After the task `name` was scored, on rank 0; metrics carry full names (`olmoearth_core.evaluate.names`).

    `step` is that of the model: earlier than the run's where a job of its own has scored a checkpoint.
    Must not call torch.distributed and must not change the run.
    """


@hookspec
def checkpoint_saved(run: Trainer, path: str) -> None:
    """After a checkpoint is complete under its final name, on rank 0; `path` may be a URL.

    Must not delete, move or write into it, and must not call torch.distributed.
    """


@hookspec
def run_ended(run: Trainer, outcome: str) -> None:
    """After the last step of this process, on every rank, whatever happened.

    outcome: "finished", "stopped" or "failed". After "failed" other ranks may already be gone: must not call
    torch.distributed.
    """
