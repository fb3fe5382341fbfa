"""olmoearth dataset ingest: raw products on this machine become tiles of a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from olmoearth_core.cli.dataset_engine import ENGINE, SCHEDULER, WORKERS
from olmoearth_core.cli.dataset_engine import engine as made

if TYPE_CHECKING:
    from olmoearth_core.ingest.run import Report
    from olmoearth_core.ingest.tile import Outcome
    from olmoearth_core.interfaces.modality import ModalitySpec
    from olmoearth_core.interfaces.reader import Reader

_SHOWN = 8


def ingest(
    raw: Annotated[Path, typer.Argument(help="folder with raw products; folders below it are searched")],
    store: Annotated[Path, typer.Argument(help="folder of the tile store to write or go on with")],
    windows: Annotated[Path, typer.Option(help="list that `olmoearth dataset select` wrote")],
    modalities: Annotated[str, typer.Option(help="names joined by commas")],
    reader: Annotated[str | None, typer.Option(help="use this reader alone, where several know a file")] = None,
    option: Annotated[list[str] | None, typer.Option(help="key=value for readers that have this option")] = None,
    engine: ENGINE = "pool",
    workers: WORKERS = None,
    scheduler: SCHEDULER = None,
    clear_sky: Annotated[bool, typer.Option(help="use cloudy pixels only where nothing else is seen")] = True,
    overwrite: Annotated[bool, typer.Option(help="make tiles again that are there")] = False,
    shard: Annotated[str, typer.Option(help="i/n: every n-th window from i (array jobs); 0/1 = all")] = "0/1",
) -> None:
    """Put scenes together into tiles. Can be stopped and started again at any time."""
    from olmoearth_core.cli.dataset import _progress, _shard
    from olmoearth_core.errors import DataError
    from olmoearth_core.ingest.local import scan
    from olmoearth_core.ingest.run import ingest as run
    from olmoearth_core.ingest.tile import Choices
    from olmoearth_core.ingest.windows import read_windows

    wanted = read_windows(windows)
    if not wanted.windows:
        raise DataError(f"{windows}: no usable window is listed. {' '.join(wanted.faults[:1])}")
    specs, readers = ready(modalities, reader, option or [])
    finders, faults = scan(raw, specs, readers)
    for fault in (*wanted.faults, *faults)[:_SHOWN]:
        typer.echo(f"left out    {fault}")
    for spec in specs:
        typer.echo(f"{spec.name:<24}{len(finders[spec.name].scenes)} scenes")
    if not any(finders[spec.name].scenes for spec in specs):
        names = ", ".join(r.name for r in readers)
        raise DataError(f"{raw}: none of the readers knows a product there ({names}). See `olmoearth dataset read`.")
    with _progress("windows") as progress:
        report = run(
            store, wanted.windows, specs, finders, choices=Choices(clear_sky, overwrite), shard=_shard(shard),
            engine=made(engine, workers=workers, scheduler=scheduler), progress=progress,
        )  # fmt: skip
    show_report(report)
    typer.echo(f"next: olmoearth dataset convert {store}")


def ready(modalities: str, reader: str | None, options: list[str]) -> tuple[tuple[ModalitySpec, ...], list[Reader]]:
    """Look up modalities and build the readers that give them.

    Raises:
        DataError: nobody reads one of them, or an option is none.
    """
    from olmoearth_core.errors import DataError
    from olmoearth_core.ingest.local import build_readers
    from olmoearth_core.kinds import registry
    from olmoearth_core.lookup import modalities as look_up

    specs = look_up([name.strip() for name in modalities.split(",") if name.strip()])
    if not specs:
        raise DataError("--modalities: expected at least one name. `olmoearth list modalities` prints them.")
    if reader is not None:
        registry.readers.component(reader)
    names = [reader] if reader is not None else list(registry.readers.components())
    factories = {name: registry.readers.get(name) for name in names}
    built = build_readers(factories, [spec.name for spec in specs], reader, parsed(options))
    for spec in specs:
        if not any(spec.name in r.modalities for r in built):
            raise DataError(f'modality "{spec.name}": no reader here gives it. `olmoearth list readers` prints them.')
    return specs, built


def parsed(options: list[str]) -> dict[str, Any]:
    """Turn key=value into arguments: values are JSON where they can be, text otherwise."""
    import json

    from olmoearth_core.errors import DataError

    found: dict[str, Any] = {}
    for text in options:
        key, equals, value = text.partition("=")
        if not (equals and key.isidentifier()):
            raise DataError(f'--option: found "{text}", expected key=value.')
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


def show_report(report: Report) -> None:
    """Print what came of the tiles; exit code 1 if all that were tried failed."""
    counted: dict[tuple[str, str, str], list[Outcome]] = {}
    for outcome in report.outcomes:
        for note in outcome.notes:
            counted.setdefault(("note", outcome.modality, note), []).append(outcome)
        if outcome.status in ("skipped", "failed") and outcome.reason not in outcome.notes:
            counted.setdefault((outcome.status, outcome.modality, outcome.reason), []).append(outcome)
    for (status, modality, reason), outcomes in list(counted.items())[:_SHOWN]:
        where = outcomes[0].window if len(outcomes) == 1 else f"{len(outcomes)} windows"
        typer.echo(f"{status:<12}{modality}, {where}: {reason}")
    if len(counted) > _SHOWN:
        typer.echo(f"            and {len(counted) - _SHOWN} more reasons")
    counts = report.counts
    typer.echo(", ".join(f"{number} {status}" for status, number in counts.items()) + f": {report.store}")
    if counts["failed"] and not (counts["written"] or counts["kept"]):
        raise typer.Exit(1)
