"""`olmoearth dataset diff`: what differs between two data sets."""

from __future__ import annotations

from typing import Annotated

import typer


def diff(
    a: Annotated[str, typer.Argument(help="folder or URL of a data set")],
    b: Annotated[str, typer.Argument(help="folder or URL of another")],
    storage: Annotated[bool, typer.Option("--storage", help="compare chunks and filters too")] = False,
    shown: Annotated[int, typer.Option(min=0, help="differences to print")] = 10,
) -> None:
    """Compare two data sets by place, bit by bit; exit code 1 if they differ."""
    from olmoearth_core.care.compare import compare
    from olmoearth_core.cli.dataset import _progress

    with _progress("pairs") as progress:
        found = compare(a, b, storage=storage, progress=progress)
    typer.echo(f"A           {found.a.url}, {found.a.count} samples")
    typer.echo(f"B           {found.b.url}, {found.b.count} samples")
    typer.echo(
        f"pairs       {found.paired}, {found.same} of them equal in all of their arrays; {found.arrays} compared"
    )
    for name, numbers in (("only in A", found.only_a), ("only in B", found.only_b)):
        if numbers:
            more = f" and {len(numbers) - shown} more" if len(numbers) > shown else ""
            typer.echo(f"{name:<12}{len(numbers)}: samples {', '.join(map(str, numbers[:shown]))}{more}")
    for sample, name, what in found.differences[:shown]:
        typer.echo(f"differs     {sample}, {name}: {what}")
    if len(found.differences) > shown:
        typer.echo(f"            and {len(found.differences) - shown} more")
    if not found.equal:
        raise typer.Exit(1)
    typer.echo("equal")
