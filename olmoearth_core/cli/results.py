"""`olmoearth results`: evaluations side by side, as a table and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from olmoearth_core.leaderboard.board import Board

app = typer.Typer(help="Compare evaluations with each other and with published numbers.", no_args_is_help=True,
                  rich_markup_mode=None)  # fmt: skip

Paths = Annotated[
    list[Path] | None, typer.Argument(metavar="PATH", help="folders with results somewhere below, or result files")
]
Reference = Annotated[bool, typer.Option("--reference", help="also published scores; without PATH, all of them")]
Metric = Annotated[str, typer.Option(help='a metric; "primary" = the one that each task is selected by')]
Tasks = Annotated[str | None, typer.Option(help="names to show, joined by commas; all if left out")]
Models = Annotated[str | None, typer.Option(help="parts of names to show, joined by commas; all if left out")]
SkipBroken = Annotated[bool, typer.Option("--skip-broken", help="name files that cannot be read and go on")]


@app.command()
def table(
    paths: Paths = None,
    reference: Reference = False,
    format: Annotated[str, typer.Option(help="text, markdown, csv or json")] = "text",
    metric: Metric = "primary",
    tasks: Tasks = None,
    models: Models = None,
    skip_broken: SkipBroken = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="where to write it, instead of here")] = None,
) -> None:
    """Print a line per model and protocol, a column per task: score and half the width of its 95 % interval.

    Best scores and ranks are taken within one protocol and profile; remarks below the table say what looks wrong.
    """
    from olmoearth_core.errors import ConfigError
    from olmoearth_core.leaderboard.text import FORMATS

    if format not in FORMATS:
        raise ConfigError(f'--format: found "{format}", expected one of {", ".join(FORMATS)}.')
    if out is not None and not out.parent.is_dir():
        raise ConfigError(f"--out {out}: there is no folder {out.parent}. Make it first, or name another one.")
    text = FORMATS[format](_board(paths, reference, metric, tasks, models, skip_broken))
    if out is None:
        typer.echo(text, nl=False)
        return
    part = out.with_name(f".{out.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(out)
    typer.echo(f"table  {out}")


@app.command()
def plot(
    out: Annotated[Path, typer.Option(metavar="FILE.png", help="the picture to write")],
    paths: Paths = None,
    reference: Reference = False,
    metric: Metric = "primary",
    tasks: Tasks = None,
    models: Models = None,
    skip_broken: SkipBroken = False,
) -> None:
    """Draw a dot per score with its interval, a band per task, a colour per model; published scores are hollow.

    Drawing needs matplotlib.
    """
    from olmoearth_core.care import drawing
    from olmoearth_core.leaderboard.plot import draw

    drawing.check(out)
    board = _board(paths, reference, metric, tasks, models, skip_broken)
    draw(out, board)
    typer.echo("\n".join([*board.remarks, f"picture  {out}"]))


def _board(
    paths: list[Path] | None, reference: bool, metric: str, tasks: str | None, models: str | None, skip_broken: bool
) -> Board:
    from olmoearth_core.leaderboard.board import build
    from olmoearth_core.leaderboard.selection import Wanted, bounds_of, gathered

    found, boards = gathered(paths or [], reference=reference, skip_broken=skip_broken)
    wanted = Wanted(metric, tuple(_words(tasks)), tuple(_words(models)))
    return build(wanted.of(found), bounds_of(boards))


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]
