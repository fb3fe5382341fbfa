"""olmoearth dataset select: write a list of windows, by lot, around places, or inside regions."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from olmoearth_core.ingest.times import Days
    from olmoearth_core.ingest.windows import WindowList

app = typer.Typer(help="Choose the windows of a data set and write them as CSV, or GeoJSON.", no_args_is_help=True)

_SHOWN = 8
_OUT = Annotated[Path, typer.Argument(help="file to write: .csv, or .geojson to look at on a map")]
_SEED = Annotated[int, typer.Option(help="same seed, same windows")]
_FIRST = Annotated[str, typer.Option(help="first day that a window may have")]
_LAST = Annotated[str, typer.Option(help="last day; the first again = that day for all")]
_SHARED = Annotated[bool, typer.Option("--shared-days", help="one day for all windows of a 41 km square")]
_ROUNDING = Literal["floor", "reference"]


@app.command("random")
def at_random(
    out: _OUT,
    count: Annotated[int, typer.Option(help="how many different cells", min=1)] = 1000,
    seed: _SEED = 0,
    first: _FIRST = "2016-06-01",
    last: _LAST = "2024-05-31",
    shared: _SHARED = False,
    bounds: Annotated[str, typer.Option(help="west,south,east,north in degrees; west > east crosses 180")] = "",
    reference: Annotated[bool, typer.Option("--reference", help="uniform in degrees, -175 to 175, -80 to 80")] = False,
) -> None:
    """Draw cells whose places are uniform on the ground."""
    from olmoearth_core.ingest.select import REFERENCE_WORLD, WORLD, by_lot

    given = _bounds(bounds) if bounds else REFERENCE_WORLD if reference else WORLD
    days = _days(first, last, seed, shared)
    rounding: _ROUNDING = "reference" if reference else "floor"
    _write(out, by_lot(count, days, seed=seed, bounds=given, by_area=not reference, rounding=rounding))


@app.command()
def points(
    places: Annotated[Path, typer.Argument(help=".json list of lon-lat pairs, or CSV: lon,lat and perhaps time,name")],
    out: _OUT,
    seed: _SEED = 0,
    first: _FIRST = "2016-06-01",
    last: _LAST = "2024-05-31",
    shared: _SHARED = False,
    rounding: Annotated[_ROUNDING, typer.Option(help="reference = its cut toward zero at edges of cells")] = "floor",
) -> None:
    """Take the cells around places; those without a time of their own get a day by lot."""
    from olmoearth_core.ingest.select import from_points

    _write(out, from_points(places, _days(first, last, seed, shared), rounding=rounding))


@app.command()
def regions(
    polygons: Annotated[Path, typer.Argument(help="GeoJSON with polygons in longitude and latitude")],
    out: _OUT,
    seed: _SEED = 0,
    first: _FIRST = "2016-06-01",
    last: _LAST = "2024-05-31",
    shared: _SHARED = False,
    touched: Annotated[bool, typer.Option("--touched", help="also cells of which only a part lies inside")] = False,
    count: Annotated[int | None, typer.Option(help="draw as many of the cells; default: all", min=1)] = None,
) -> None:
    """Take the cells whose centre lies in a region."""
    from olmoearth_core.ingest.select import from_regions

    found = from_regions(polygons, _days(first, last, seed, shared), touched=touched, count=count, seed=seed)
    _write(out, found)


def _days(first: str, last: str, seed: int, shared: bool) -> Days:
    from olmoearth_core.errors import DataError
    from olmoearth_core.ingest.times import Days
    from olmoearth_core.ingest.windows import moment

    def day(name: str, text: str) -> datetime:
        try:
            return moment(text)
        except (ValueError, OverflowError):
            raise DataError(f'{name}: found "{text}", expected a day such as 2021-06-01.') from None

    return Days(day("--first", first), day("--last", last), seed=seed, shared=shared)


def _bounds(text: str) -> tuple[float, float, float, float]:
    from olmoearth_core.errors import DataError

    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise DataError(f'--bounds: found "{text}", expected west,south,east,north such as 5,45,11,48.') from None
    return west, south, east, north


def _write(out: Path, found: WindowList) -> None:
    from olmoearth_core.errors import DataError
    from olmoearth_core.ingest.windows import write_windows

    for fault in found.faults[:_SHOWN]:
        typer.echo(f"left out    {fault}")
    if len(found.faults) > _SHOWN:
        typer.echo(f"            and {len(found.faults) - _SHOWN} more")
    if not found.windows:
        raise DataError("no cell was found, so no list was written.")
    path = write_windows(out, found.windows)
    zones = len({window.cell.crs for window in found.windows})
    typer.echo(f"{len(found.windows)} windows in {zones} zone{'s' * (zones != 1)}: {path}")
