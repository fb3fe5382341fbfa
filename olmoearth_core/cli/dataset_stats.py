"""`olmoearth dataset stats`: mean, deviation, range and histogram of every band, and the normalisation they suggest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def stats(
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="a data set; with --merge, files of --out")],
    shard: Annotated[str, typer.Option(help="i/n: measure every n-th sample from i (array jobs); 0/1 = all")] = "0/1",
    merge: Annotated[bool, typer.Option("--merge", help="add up the files of earlier runs")] = False,
    out: Annotated[Path | None, typer.Option(help="JSON file to write: shards for --merge, and dataset.stats")] = None,
    percent: Annotated[float, typer.Option(help="measure this part of the samples, drawn by seed")] = 100.0,
    seed: Annotated[int, typer.Option(help="same seed, same samples")] = 0,
    modalities: Annotated[str | None, typer.Option(help="names joined by commas; default: all")] = None,
    picture: Annotated[Path | None, typer.Option(help="PNG of the histograms")] = None,
) -> None:
    """Measure a data set, beside what its modalities' specifications say.

    The file of --out is what a training config takes as `[dataset] stats = "file.json"`.
    """
    from olmoearth_core.care import drawing, stats_report
    from olmoearth_core.care import statistics as measuring
    from olmoearth_core.cli.dataset import _known, _progress, _shard
    from olmoearth_core.errors import ConfigError

    if len(paths) > 1 and not merge:
        raise ConfigError("stats: one data set at a time; --merge adds up the files that --out wrote.")
    if picture:
        drawing.check(picture, "--picture")
    names = [name.strip().lower() for name in modalities.split(",") if name.strip()] if modalities else None
    if merge:
        found = measuring.merge([measuring.read(Path(path)) for path in paths])
    else:
        with _progress("samples") as progress:
            found = measuring.measure(
                paths[0], _known(), modalities=names, shard=_shard(shard), share=percent / 100, seed=seed,
                progress=progress,
            )  # fmt: skip
    for line in stats_report.lines(found, _known()):
        typer.echo(line)
    if found.missing_shards and merge:
        typer.echo(f"missing     shards {', '.join(found.missing_shards)}")
    if picture:
        stats_report.draw(found, _known(), picture)
        typer.echo(f"picture     {picture}")
    if out:
        measuring.write(found, _known(), out)
        typer.echo(f"file        {out}")
        typer.echo(f'next: [dataset] stats = "{out}"' if not found.missing_shards else "next: --merge with the others")
