"""The options that say where to work, and which engine `--engine` means.

That is a full name, or the part of one that people remember (`pool`, `dask`).
"""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from olmoearth_core.errors import ConfigError, UnknownComponent
from olmoearth_core.interfaces.engine import Engine

ENGINE = Annotated[str, typer.Option(help="where to work: pool = this machine, dask = a cluster, or any")]
WORKERS = Annotated[int | None, typer.Option(help="processes; 0 = this one; default: one per core")]
SCHEDULER = Annotated[str | None, typer.Option(help="address of the cluster, tcp://host:8786")]


def engine(name: str, **options: Any) -> Engine:
    """Return an engine by its name, or by the package or thing in its name.

    options: what was given on the command line, null where nothing was; one that the engine does not take is an error.
    """
    from olmoearth_core.kinds import registry

    full = full_name(name)
    factory = registry.engines.get(full)
    taken = inspect.signature(factory).parameters
    given = {key: value for key, value in options.items() if value is not None}
    for key in given:
        if key not in taken:
            raise ConfigError(f"--{key}: {full} takes none; it takes {', '.join(taken) or 'nothing'}. Leave it out.")
    missing = [key for key, p in taken.items() if p.default is p.empty and key not in given]
    if missing:
        needed = " and ".join(f"--{key}" for key in missing)
        raise ConfigError(f"--engine {name}: {full} needs {needed}. Add it.")
    made: Engine = factory(**given)
    return made


def full_name(name: str) -> str:
    """Return the registered name that a short one stands for, in its highest version."""
    from olmoearth_core.kinds import registry

    known = registry.engines.components()
    if name in known or "." in name:
        return name
    meant = [full for full in known if name in full.split(".")[:-1]]
    if not meant:
        # Looked up as if it were a package, which tells what to install.
        asked = f"{name}.engine.v1"
        try:
            return registry.engines.component(asked).name
        except UnknownComponent as error:
            raise UnknownComponent(str(error).replace(asked, name)) from None
    things = {full.rpartition(".")[0] for full in meant}
    if len(things) > 1:
        raise ConfigError(f"--engine {name}: may be {' or '.join(sorted(meant))}. Write the whole name.")
    return max(meant, key=lambda full: int(full.rpartition(".v")[2]))
