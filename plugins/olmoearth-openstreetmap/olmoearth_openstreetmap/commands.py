"""olmoearth openstreetmap: places by category, vector tiles of an extract, and rasters of vector tiles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from olmoearth_openstreetmap.store import Report

app = typer.Typer(help="Choose places from an extract (.osm.pbf) and make tiles of it.", no_args_is_help=True)

_SHOWN = 8
_PBF = Annotated[Path, typer.Argument(help="extract, such as andorra.osm.pbf")]
_STORE = Annotated[Path, typer.Argument(help="folder of the tile store to write or go on with")]
_LOCATIONS = Annotated[
    Literal["auto", "memory", "disk"], typer.Option(help="where node locations are kept; auto = by the file's size")
]


@app.command()
def select(
    pbf: _PBF,
    out: Annotated[Path, typer.Argument(help=".json to write: a list of pairs of longitude and latitude")],
    categories: Annotated[str, typer.Option(help="names joined by commas; default: all 118")] = "",
    per_category: Annotated[int, typer.Option(help="cells of 0.001 degree to draw of each, at most", min=1)] = 10_000,
    seed: Annotated[int, typer.Option(help="same seed, same places", min=0)] = 0,
    legacy: Annotated[bool, typer.Option("--legacy", help="the original's cut toward zero, and corners")] = False,
    cells: Annotated[
        Path | None, typer.Option(help="also write which cells each category has (column, row) to this .json")
    ] = None,
    locations: _LOCATIONS = "auto",
) -> None:
    """Draw places that hold things of many categories, for `olmoearth dataset select points`."""
    import json

    from olmoearth_openstreetmap.select_places import draw_places, find_cells
    from olmoearth_openstreetmap.whole import write_whole

    names = [name.strip() for name in categories.split(",") if name.strip()] or None
    found = find_cells(str(pbf), categories=names, seed=seed, legacy=legacy, locations=locations)
    places = draw_places(found, per_category=per_category, seed=seed, legacy=legacy)
    if cells is not None:
        write_whole(cells, json.dumps({name: list(map(list, listed)) for name, listed in found.items()}) + "\n")
    write_whole(out, json.dumps([list(place) for place in places]) + "\n")
    for name, listed in found.items():
        if listed:
            typer.echo(f"{name:<32}{min(len(listed), per_category):>8} of {len(listed)} cells")
    typer.echo(f"{len(places)} places: {out}")
    typer.echo(f"next: olmoearth dataset select points {out} windows.csv")


@app.command()
def tiles(
    pbf: _PBF,
    store: _STORE,
    windows: Annotated[Path, typer.Option(help="list that `olmoearth dataset select` wrote")],
    also: Annotated[list[Path] | None, typer.Option(help="further extracts; can be given more than once")] = None,
    published: Annotated[bool, typer.Option("--published", help="no relations, as the published layer")] = False,
    legacy: Annotated[bool, typer.Option("--legacy", help="keep its misspelt water_tower rule")] = False,
    locations: _LOCATIONS = "auto",
    overwrite: Annotated[bool, typer.Option(help="write tiles again that are there")] = False,
) -> None:
    """Write vector tiles (GeoJSON) of windows. Can be stopped and started again at any time."""
    from olmoearth_core.errors import DataError
    from olmoearth_core.ingest.windows import read_windows
    from olmoearth_openstreetmap.tiles import write_tiles

    listed = read_windows(windows)
    if not listed.windows:
        raise DataError(f"{windows}: no usable window is listed. {' '.join(listed.faults[:1])}")
    extracts = [str(path) for path in (pbf, *(also or ()))]
    report = write_tiles(
        extracts, store, listed.windows, published=published, legacy=legacy, locations=locations, overwrite=overwrite
    )  # fmt: skip
    _show(report, store, listed.faults)
    typer.echo(f"next: olmoearth openstreetmap rasterize {store}")


@app.command()
def rasterize(
    store: _STORE,
    rules: Annotated[
        Literal["default", "reference"],
        typer.Option(help="how things are drawn; reference = as released weights saw it"),
    ] = "default",
    overwrite: Annotated[
        bool, typer.Option(help="draw tiles again that are there; needed to change the rules")
    ] = False,
    shard: Annotated[str, typer.Option(help="i/n: every n-th tile from i (array jobs); 0/1 = all")] = "0/1",
) -> None:
    """Turn a store's vector tiles into rasters of 30 categories at 2.5 m. Can be stopped and started again."""
    from olmoearth_core.cli.dataset import _shard
    from olmoearth_openstreetmap.store import rasterise_store

    _show(rasterise_store(store, rules=rules, overwrite=overwrite, shard=_shard(shard)), store)


def _show(report: Report, store: Path, faults: tuple[str, ...] = ()) -> None:
    """Print what came of the tiles; exit code 1 if none came out well."""
    told = [*(f"left out    {f}" for f in faults), *(f"skipped     {s}" for s in report.skipped)]
    told += [f"failed      {f}" for f in report.failed]
    for line in told[:_SHOWN]:
        typer.echo(line)
    if len(told) > _SHOWN:
        typer.echo(f"            and {len(told) - _SHOWN} more")
    counts = f"{report.written} written, {report.kept} kept, {len(report.skipped)} skipped, {len(report.failed)} failed"
    typer.echo(f"{counts}: {store}")
    if report.failed and not (report.written or report.kept):
        raise typer.Exit(1)
