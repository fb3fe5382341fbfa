"""`olmoearth dataset tune`: the table of codecs and chunks, measured on this disk."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer


def tune(
    path: Annotated[str, typer.Argument(help="folder or URL of a tile store or of a data set")],
    on: Annotated[Path, typer.Option(help="folder on the disk to measure; its files are removed at the end")] = Path(),
    samples: Annotated[int, typer.Option(min=1, help="samples to measure with")] = 4,
    crops: Annotated[int, typer.Option(min=1, help="crops read of each sample in each round")] = 8,
    rounds: Annotated[int, typer.Option(min=1, help="rounds; the median counts")] = 3,
    seed: Annotated[int, typer.Option(help="same seed, same samples and crops")] = 0,
) -> None:
    """Measure how to store a data set on your own disk, and recommend one way."""
    from olmoearth_core.cli.dataset import _known, _listed, _progress
    from olmoearth_core.convert import tune as tuning
    from olmoearth_core.convert.tiles import has_table
    from olmoearth_core.errors import DataError

    if not on.is_dir():
        raise DataError(f"--on {on}: there is no such folder. Give one on the disk that will hold the data.")
    with tempfile.TemporaryDirectory(prefix=".olmoearth-tune-", dir=on) as folder, _progress("candidates") as progress:
        if any(has_table(path, spec) for spec in _known().values()):
            paths = tuning.from_tiles(path, _listed(path), Path(folder), samples=samples, seed=seed)
        else:
            paths = tuning.from_h5(path, Path(folder), samples=samples, seed=seed)
        measured = tuning.tune(paths, on, seed=seed, crops=crops, rounds=rounds, progress=progress)
    for line in tuning.lines(measured):
        typer.echo(line)
