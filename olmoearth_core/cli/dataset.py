"""olmoearth dataset: make data sets and look at them.

`simulate` writes a tile store, `select` and `ingest` make one from raw products (`read` shows what they hold),
`convert` turns a tile store into sample files, `import` writes sample files from other people's files, `info` says
what a folder of sample files holds. `verify`, `stats`, `show`, `map`, `subset`, `merge`, `diff` and `fetch` take care
of such folders.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from olmoearth_core.cli import (
    dataset_diff,
    dataset_fetch,
    dataset_ingest,
    dataset_map,
    dataset_materialize,
    dataset_read,
    dataset_select,
    dataset_show,
    dataset_stats,
    dataset_subset,
    dataset_tune,
    dataset_verify,
)
from olmoearth_core.cli.dataset_engine import ENGINE, SCHEDULER, WORKERS
from olmoearth_core.cli.dataset_engine import engine as made

if TYPE_CHECKING:
    from olmoearth_core.convert.convert import Report
    from olmoearth_core.interfaces.modality import ModalitySpec

app = typer.Typer(help="Simulate, convert, import and describe data sets.", no_args_is_help=True)

SAMPLES = "OLMOEARTH_SAMPLES"
BESIDE = Path("../shared/samples")
_NAMES = Annotated[str | None, typer.Option("--modalities", help="names joined by commas; default: all there are")]
_SHOWN = 8


@app.command()
def simulate(
    out: Annotated[Path, typer.Argument(help="folder of the tile store to write")],
    seed: Annotated[int, typer.Option(help="same seed, same files")] = 0,
    tiles: Annotated[int, typer.Option(help="tiles of 2.56 km; each becomes 4 samples of 128 px")] = 12,
    gaps: Annotated[bool, typer.Option(help="leave out months and sensors here and there")] = True,
    modalities: _NAMES = None,
    source: Annotated[str, typer.Option(help="the component that simulates")] = "simulate.landscape.v1",
) -> None:
    """Make up a landscape and write it as a GeoTIFF tile store."""
    from olmoearth_core.kinds import registry

    landscape = registry.sources.get(source)(seed=seed, tiles=tiles, gaps=gaps)
    with _progress("tiles") as progress:
        path = landscape.write(out, _specs(modalities), progress=progress)
    typer.echo(f"{tiles} tiles in {path}, {_size(path)}")
    typer.echo(f"next: olmoearth dataset convert {path}")


@app.command("import")
def import_(
    folder: Annotated[str, typer.Argument(help=f'folder of sites; "sites" = those of ${SAMPLES} or {BESIDE}')],
    out: Annotated[str, typer.Argument(help="folder or URL for the sample files")],
    root: Annotated[Path | None, typer.Option(help='where "sites" are')] = None,
    modalities: _NAMES = None,
    source: Annotated[str, typer.Option(help="the component that reads the files")] = "simulate.sites.v1",
) -> None:
    """Write sample files from files that did not come from a tile store."""
    from olmoearth_core.kinds import registry

    where = _sites(folder, root, os.environ)
    importer = registry.sources.get(source)(root=str(where))
    with _progress("sites") as progress:
        path = importer.write(out, _specs(modalities), progress=progress)
    typer.echo(f"{str(path).rsplit('/', 1)[-1]} samples in {path}")
    typer.echo(f"next: olmoearth dataset info {path}")


@app.command()
def convert(
    tiles: Annotated[str, typer.Argument(help="folder or URL of the tile store")],
    out: Annotated[str | None, typer.Argument(help="folder or URL for the sample files; default: beside tiles")] = None,
    modalities: _NAMES = None,
    tile_size: Annotated[int, typer.Option(help="side of a sample in pixels of 10 m; divides 256")] = 128,
    compression: Annotated[str, typer.Option(help="none, gzip, zstd or lz4")] = "zstd",
    level: Annotated[int, typer.Option(help="strength of gzip and zstd")] = 3,
    shuffle: Annotated[bool | None, typer.Option(help="shuffle bytes before compressing")] = None,
    layout: Annotated[
        Literal["windows", "reference"],
        typer.Option(help="windows = chunks for small crops; reference = one chunk per array, parts share lat/lon"),
    ] = "windows",
    cleaning: Annotated[
        Literal["sub_tile", "tile"], typer.Option(help="drop a bad modality from a sample, or from the whole tile")
    ] = "sub_tile",
    required: Annotated[str | None, typer.Option(help="modalities that every sample must have")] = None,
    min_timesteps: Annotated[int, typer.Option(help="steps that one modality must have")] = 12,
    engine: ENGINE = "pool",
    workers: WORKERS = None,
    scheduler: SCHEDULER = None,
    shard: Annotated[str, typer.Option(help="i/n: work on every n-th tile from i (array jobs); 0/1 = all")] = "0/1",
    staging: Annotated[Path | None, typer.Option(help="folder for unfinished work; shared by shards")] = None,
) -> None:
    """Turn a tile store into sample files. Can be stopped and started again at any time."""
    from olmoearth_core.convert.convert import convert as run
    from olmoearth_core.convert.h5_writer import Storage
    from olmoearth_core.convert.tile_job import Rules

    needed = tuple(spec.name for spec in _specs(required)) if required else ()
    rules = Rules(cleaning, min_timesteps, needed, compatible=layout == "reference")
    storage = Storage(compression, level if compression in ("gzip", "zstd") else None, shuffle, layout)
    specs = _specs(modalities) if modalities else _listed(tiles)
    with _progress("tiles") as progress:
        report = run(
            tiles, out, specs, tile_size=tile_size, storage=storage, rules=rules, shard=_shard(shard),
            engine=made(engine, workers=workers, scheduler=scheduler), staging=staging, progress=progress,
        )  # fmt: skip
    _print_report(report)


@app.command()
def info(
    path: Annotated[str, typer.Argument(help="folder or URL of a data set, or of a folder above it")],
    values: Annotated[int, typer.Option(help="files whose values are read for ranges")] = 32,
    fast: Annotated[bool, typer.Option("--fast", help="open only those files")] = False,
) -> None:
    """Say what a data set holds and check its files; exit code 1 if something is wrong."""
    from olmoearth_core.cli.dataset_report import lines
    from olmoearth_core.convert.verify import verify

    findings = verify(path, _known(), read_values=values, every_file=not fast)
    for line in lines(findings, _known()):
        typer.echo(line)
    if findings.problems:
        raise typer.Exit(1)


def _specs(names: str | None) -> tuple[ModalitySpec, ...]:
    from olmoearth_core.lookup import modalities

    return modalities([n.strip() for n in names.split(",") if n.strip()]) if names else tuple(_known().values())


def _known() -> Mapping[str, ModalitySpec]:
    from olmoearth_core.kinds import registry
    from olmoearth_core.lookup import modalities

    return {spec.name: spec for spec in modalities(sorted(registry.modalities.components()))}


def _listed(tiles: str) -> tuple[ModalitySpec, ...]:
    """Return the modalities for which the tile store has a table."""
    from olmoearth_core.convert.tiles import has_table
    from olmoearth_core.errors import DataError

    found = tuple(spec for spec in _known().values() if has_table(tiles, spec))
    if not found:
        raise DataError(
            f"{tiles}: no table of any installed modality, such as 10_<modality>_monthly.csv. "
            "Give the folder of a tile store; `olmoearth dataset simulate` writes one."
        )
    return found


def _sites(folder: str, root: Path | None, environment: Mapping[str, str]) -> Path:
    from olmoearth_core.errors import DataError

    if folder != "sites" or Path(folder).is_dir():
        return Path(folder)
    named = environment.get(SAMPLES)
    if root is None and named == "":
        raise DataError(f"${SAMPLES} is empty, which means that there are no sites. Give --root or a folder.")
    return root or (Path(named) if named else BESIDE)


def _shard(text: str) -> tuple[int, int]:
    from olmoearth_core.errors import DataError

    number, slash, count = text.partition("/")
    if not (slash and number.isdigit() and count.isdigit() and int(number) < int(count)):
        raise DataError(f'--shard: found "{text}", expected i/n with i from 0 to n-1, for example 0/4.')
    return int(number), int(count)


def _print_report(report: Report) -> None:
    for note in report.notes[:_SHOWN]:
        typer.echo(f"note        {note}")
    for reason in list(report.quarantined.values())[:_SHOWN]:
        typer.echo(f"set aside   {reason}")
    for reason in report.dropped[:_SHOWN]:
        typer.echo(f"no sample   {reason}")
    hidden = sum(max(0, len(found) - _SHOWN) for found in (report.notes, report.quarantined, report.dropped))
    if hidden:
        typer.echo(f"            and {hidden} more; `olmoearth dataset info` and manifest.json have them")
    again = f", {report.reused} done before" if report.reused else ""
    typer.echo(f"{report.num_tiles} tiles{again}, {len(report.quarantined)} set aside, {report.num_samples} samples")
    if report.path is None:
        typer.echo("other shards are still at work; the last one makes the data set")
    else:
        typer.echo(report.path)


def _size(path: Path) -> str:
    return f"{sum(p.stat().st_size for p in path.rglob('*') if p.is_file()) / 1e6:.0f} MB"


class _progress:
    """A bar on a terminal, nothing elsewhere."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.bar: Any = None

    def __enter__(self) -> Callable[[int, int], None]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn(self.what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        self.bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.bar.start()
        self.task = self.bar.add_task(self.what)
        return lambda done, number: self.bar.update(self.task, completed=done, total=number)

    def __exit__(self, *_: object) -> None:
        self.bar.stop()


app.add_typer(dataset_select.app, name="select")
app.command()(dataset_ingest.ingest)
app.command()(dataset_read.read)
app.command()(dataset_materialize.materialize)
app.command()(dataset_tune.tune)
app.command()(dataset_verify.verify)
app.command()(dataset_subset.subset)
app.command()(dataset_subset.merge)
app.command()(dataset_diff.diff)
app.command()(dataset_stats.stats)
app.command()(dataset_show.show)
app.command("map")(dataset_map.map_)
app.command()(dataset_fetch.fetch)
