"""`olmoearth dataset fetch`: the public pretraining set, or an archive at an address."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_SHOWN = 8


def fetch(
    what: Annotated[
        str, typer.Argument(help="full, subset (both of the public set), an http(s) address, or an archive")
    ],
    out: Annotated[Path, typer.Argument(help="folder for the files")],
    sha256: Annotated[str | None, typer.Option(help="what the file at an address must have")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="keep fetched archives after unpacking")] = False,
    unpack: Annotated[bool, typer.Option(help="unpack archives into folders of their names")] = True,
) -> None:
    """Fetch a data set; what was cut off goes on. Archives are unpacked only if nothing in them is hostile."""
    from olmoearth_core.care.fetch import fetch as get
    from olmoearth_core.data.folder import find
    from olmoearth_core.errors import DataError

    got = get(what, out, sha256=sha256, keep=keep, unpack=unpack)
    for kind, paths in (("fetched", got.files), ("unpacked", got.unpacked)):
        for path in paths[:_SHOWN]:
            typer.echo(f"{kind:<12}{path}")
        if len(paths) > _SHOWN:
            typer.echo(f"            and {len(paths) - _SHOWN} more")
    try:
        typer.echo(f"next: olmoearth dataset verify {find(str(out)).url}")
    except DataError:
        typer.echo(f"no folder of sample files in {out}; a tile store becomes one with `olmoearth dataset convert`")
