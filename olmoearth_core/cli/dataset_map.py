"""`olmoearth dataset map`: where the samples are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_MOST = 12


def map_(
    path: Annotated[str, typer.Argument(help="folder or URL of a data set, or of a folder above it")],
    out: Annotated[Path, typer.Option(metavar="FILE.png", help="the picture to write")] = Path("map.png"),
    degrees: Annotated[float, typer.Option(help="side of the cells in which samples are counted")] = 5.0,
) -> None:
    """Count samples by place and draw them on a world map. Needs matplotlib, and no network."""
    from olmoearth_core.care import drawing, world_map
    from olmoearth_core.data.folder import find

    drawing.check(out)
    folder = find(path)
    found = world_map.distribution(folder, degrees)
    cells = int((found.counts > 0).sum())
    typer.echo(f"samples     {folder.count} at {found.places} places, in {cells} cells of {degrees:g} degrees")
    for name, number in found.zones.items():
        typer.echo(f"{name:<12}{number}, {number / folder.count:.0%}")
    world_map.draw(found, f"{folder.count} samples at {found.places} places", out)
    typer.echo(f"picture     {out}")
