"""olmoearth dataset materialize: a tile store from a catalogue of scenes.

The catalogue's component does the asking; this file only hands the options over to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from olmoearth_core.cli.dataset_engine import ENGINE, SCHEDULER, WORKERS
from olmoearth_core.cli.dataset_engine import engine as made

_SHOWN = 8


def materialize(
    store: Annotated[Path, typer.Argument(help="folder of the tile store to write")],
    windows: Annotated[Path, typer.Option(help="list of windows, as `olmoearth dataset select` writes it")],
    modalities: Annotated[str, typer.Option(help="names joined by commas")],
    catalog: Annotated[str, typer.Option(help="a catalogue that the source knows, a URL, or a profile's file")],
    items: Annotated[Path, typer.Option(help="table of found scenes: written once, then used without asking again")],
    refresh: Annotated[bool, typer.Option("--refresh", help="search again and replace the table")] = False,
    date: Annotated[str | None, typer.Option(help="day of the search, noted in the table, such as 2026-11-23")] = None,
    cache: Annotated[Path | None, typer.Option(help="folder for downloaded files")] = None,
    cache_limit_gb: Annotated[float | None, typer.Option(help="bound of that folder; default: none")] = None,
    rate: Annotated[float, typer.Option(help="requests per second, over all workers")] = 5.0,
    retries: Annotated[int, typer.Option(help="further tries of a request that failed")] = 5,
    timeout: Annotated[float, typer.Option(help="seconds to wait for an answer")] = 60.0,
    engine: ENGINE = "pool",
    workers: WORKERS = None,
    scheduler: SCHEDULER = None,
    shard: Annotated[str, typer.Option(help="i/n: every n-th window from i (array jobs); 0/1 = all")] = "0/1",
    mosaic: Annotated[
        Literal["clear_sky", "gaps"], typer.Option(help="avoid clouds, or only fill what a scene does not cover")
    ] = "clear_sky",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="make tiles again that are there")] = False,
    source: Annotated[str, typer.Option(help="the component that finds scenes")] = "stac.catalog.v1",
) -> None:
    """Find scenes for windows in a catalogue, fetch them and write a tile store. Can be stopped and started again."""
    # Looked up first: a missing package is said before anything else is loaded.
    from olmoearth_core.kinds import registry

    factory = registry.sources.get(source)

    from olmoearth_core.cli.dataset import _progress, _shard
    from olmoearth_core.cli.dataset_ingest import show_report
    from olmoearth_core.ingest.materialize import materialize as run
    from olmoearth_core.ingest.tile import Choices
    from olmoearth_core.ingest.windows import read_windows
    from olmoearth_core.lookup import modalities as look_up

    asked = read_windows(windows)
    for fault in asked.faults[:_SHOWN]:
        typer.echo(f"left out    {fault}")
    options = {
        "catalog": catalog, "items": str(items), "refresh": refresh, "date": date, "rate": rate, "retries": retries,
        "timeout": timeout, "cache": None if cache is None else str(cache), "cache_limit_gb": cache_limit_gb,
    }  # fmt: skip
    choices = Choices(clear_sky=mosaic == "clear_sky", overwrite=overwrite)
    specs = look_up([name.strip() for name in modalities.split(",") if name.strip()])
    with _progress("windows") as progress:
        report = run(
            store, asked.windows, specs, _made(factory, source, options), choices=choices,
            engine=made(engine, workers=workers, scheduler=scheduler), shard=_shard(shard), progress=progress,
        )  # fmt: skip
    show_report(report)
    typer.echo(f"the scenes are frozen in {items}; the same command uses them again without a search")
    if report.counts["failed"]:
        raise typer.Exit(1)
    typer.echo(f"next: olmoearth dataset convert {store}")


def _made(factory: Any, source: str, options: dict[str, Any]) -> Any:
    """Build the source; it must take what a catalogue takes."""
    import inspect

    from olmoearth_core.errors import ConfigError

    taken = inspect.signature(factory).parameters
    if missing := [key for key in ("catalog", "items") if key not in taken]:
        raise ConfigError(f"--source {source}: it is no catalogue, for it takes no {' and no '.join(missing)}.")
    return factory(**{key: value for key, value in options.items() if key in taken and value is not None})
