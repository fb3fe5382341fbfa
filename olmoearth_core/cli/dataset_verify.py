"""`olmoearth dataset verify`: every file of a data set checked, and what can be done about the damage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from olmoearth_core.care.verify import Verdict
    from olmoearth_core.interfaces.modality import ModalitySpec

_SHOWN = 30


def verify(
    path: Annotated[str, typer.Argument(help="folder or URL of a data set, or of a folder above it")],
    repair: Annotated[bool, typer.Option("--repair", help="write tables anew; convert damaged samples again")] = False,
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="move damaged files to quarantine/ and renumber the rest")
    ] = False,
    values: Annotated[str, typer.Option(help="files whose every pixel is decoded: a number, or all")] = "all",
) -> None:
    """Check every file of a data set; exit code 1 if something is wrong."""
    from olmoearth_core.care import repair as mending
    from olmoearth_core.care.quarantine import quarantine as separate

    verdict = _checked(path, values)
    if verdict.problems and repair:
        for line in mending.repair(verdict, _specs()):
            typer.echo(f"repair      {line}")
        verdict = _checked(verdict.folder.url, values) if verdict.damaged else verdict
        for line in mending.tables(verdict) if verdict.problems else ():
            typer.echo(f"repair      {line}")
        verdict = _checked(verdict.folder.url, values)
    if verdict.damaged and quarantine:
        for line in _lines(verdict):
            typer.echo(line)
        new, aside = separate(verdict)
        typer.echo(f"quarantine  {len(verdict.damaged)} files in {aside}")
        verdict = _checked(str(new), values)
    for line in _lines(verdict):
        typer.echo(line)
    if verdict.problems:
        raise typer.Exit(1)


def _checked(path: str, values: str) -> Verdict:
    from olmoearth_core.care.verify import verify as check
    from olmoearth_core.cli.dataset import _progress
    from olmoearth_core.errors import ConfigError

    if values != "all" and not values.isdigit():
        raise ConfigError(f'--values: found "{values}", expected a number of files or all.')
    with _progress("files") as progress:
        return check(path, _specs(), decode=None if values == "all" else int(values), progress=progress)


def _specs() -> Mapping[str, ModalitySpec]:
    from olmoearth_core.cli.dataset import _known

    return _known()


def _lines(verdict: Verdict) -> Iterator[str]:
    yield f"folder      {verdict.folder.url}"
    yield f"samples     {verdict.folder.count}, {verdict.decoded} decoded completely"
    yield from (f"note        {note}" for note in verdict.notes[:_SHOWN])
    yield from (f"wrong       {problem}" for problem in verdict.problems[:_SHOWN])
    if len(verdict.problems) > _SHOWN:
        yield f"            and {len(verdict.problems) - _SHOWN} more"
    damaged = f", {len(verdict.damaged)} of {verdict.folder.count} files damaged" if verdict.damaged else ""
    yield f"problems    {len(verdict.problems)}{damaged}" if verdict.problems else "no problems"
