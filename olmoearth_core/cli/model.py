"""`olmoearth model`: describe models of any known format, turn them into packages, compare two."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

app = typer.Typer(
    help="Describe, convert and compare models. MODEL is a folder (a released checkpoint, a package, a training run or "
    "one of its steps) or the name of a released model.",
    no_args_is_help=True,
)
_MODEL = typer.Argument(metavar="MODEL", help="folder or name", show_default=False)


@app.command()
def info(model: Annotated[str, _MODEL]) -> None:
    """Print source, licence, size, parts and modalities of a model; reads no weights."""
    from olmoearth_core.models.describe import info as lines

    with _notes():
        found = lines(model)
    typer.echo("\n".join(found))


@app.command()
def convert(
    model: Annotated[str, _MODEL],
    directory: Annotated[str, typer.Argument(help="folder to make; it must not exist", show_default=False)],
) -> None:
    """Write a model of any format as a package: safetensors, config, modalities, licence."""
    from olmoearth_core.models.open import load_model
    from olmoearth_core.models.package import save_model

    with _notes():
        typer.echo(save_model(load_model(model), directory))


@app.command()
def diff(
    left: Annotated[str, typer.Argument(metavar="A", help="folder or name", show_default=False)],
    right: Annotated[str, typer.Argument(metavar="B", help="folder or name", show_default=False)],
) -> None:
    """Print in what two models differ: config, names, shapes and values of tensors."""
    from olmoearth_core.models.diff import diff as lines

    with _notes():
        found = lines(left, right)
    typer.echo("\n".join(found))


@contextmanager
def _notes() -> Iterator[None]:
    """Say what the user should know as notes, once each, on standard error."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", UserWarning)
        yield
    for text in dict.fromkeys(str(warning.message) for warning in heard):
        typer.echo(f"note: {text}", err=True)
