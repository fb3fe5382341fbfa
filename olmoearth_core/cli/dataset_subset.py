"""`olmoearth dataset subset` and `merge`: new data sets from parts of others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

_COPY = Annotated[bool, typer.Option("--copy", help="copy files; default: hard links, which take no space")]


def subset(
    path: Annotated[str, typer.Argument(help="folder of a data set, or one above it")],
    out: Annotated[Path, typer.Argument(help="folder for the new data set")],
    number: Annotated[int | None, typer.Option(min=1, help="how many samples, drawn by seed")] = None,
    percentage: Annotated[float | None, typer.Option(help="which part of them, above 0, at most 1")] = None,
    seed: Annotated[int, typer.Option(help="same seed, same samples")] = 0,
    modalities: Annotated[str | None, typer.Option(help="names joined by commas: what the files keep")] = None,
    bbox: Annotated[str | None, typer.Option(help="west,south,east,north in degrees")] = None,
    time: Annotated[str | None, typer.Option(help="2018-06..2018-09: samples with a step in these months")] = None,
    indices: Annotated[Path | None, typer.Option(help=".npy or text file with the file numbers to choose from")] = None,
    copy: _COPY = False,
) -> None:
    """Cut a part out of a data set, as a data set of its own. All conditions must hold."""
    from olmoearth_core.care import subset as cutting
    from olmoearth_core.errors import ConfigError

    if percentage is not None and not 0 < percentage <= 1:
        raise ConfigError(f"--percentage: found {percentage}, expected a share above 0, at most 1.")
    choice = cutting.Choice(
        number=number,
        share=percentage,
        seed=seed,
        modalities=tuple(name.strip() for name in modalities.split(",") if name.strip()) if modalities else (),
        bbox=_box(bbox) if bbox else None,
        months=_months(time) if time else None,
        indices=cutting.read_indices(indices) if indices else None,
    )
    made = cutting.subset(path, out, choice, copy=copy)
    typer.echo(f"{made.name} samples")
    typer.echo(str(made))


def merge(
    paths: Annotated[
        list[str], typer.Argument(metavar="A B ... OUT", help="data sets, then the folder for the new one")
    ],
    duplicates: Annotated[
        Literal["refuse", "first", "keep"], typer.Option(help="what to do with a place and time that two sets have")
    ] = "refuse",
    copy: _COPY = False,
) -> None:
    """Join data sets into one; their modalities may differ."""
    from olmoearth_core.care.merge import merge as join
    from olmoearth_core.errors import ConfigError

    if len(paths) < 3:
        raise ConfigError("merge: expected two or more data sets and the folder for the new one.")
    made = join(paths[:-1], Path(paths[-1]), duplicates=duplicates, copy=copy)
    typer.echo(f"{made.name} samples")
    typer.echo(str(made))


def _box(text: str) -> tuple[float, float, float, float]:
    from olmoearth_core.errors import ConfigError

    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as cause:
        raise ConfigError(f'--bbox: found "{text}", expected west,south,east,north in degrees.') from cause
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise ConfigError(f'--bbox: found "{text}", expected west and east within 180, south up to north within 90.')
    return west, south, east, north


def _months(text: str) -> tuple[tuple[int, int], tuple[int, int]]:
    from olmoearth_core.errors import ConfigError

    found = re.fullmatch(r"(\d{4})-(\d\d)\.\.(\d{4})-(\d\d)", text)
    first, last = ((int(found[1]), int(found[2])), (int(found[3]), int(found[4]))) if found else ((0, 0), (0, 0))
    if not found or first > last or not (1 <= first[1] <= 12 and 1 <= last[1] <= 12):
        raise ConfigError(f'--time: found "{text}", expected two months in order, such as 2018-06..2018-09.')
    return first, last
