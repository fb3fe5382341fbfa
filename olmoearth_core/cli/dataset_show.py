"""`olmoearth dataset show`: one sample as a picture, all modalities and months of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def show(
    path: Annotated[str, typer.Argument(help="folder or URL of a data set, or of a folder above it")],
    index: Annotated[int, typer.Argument(min=0, help="number of the sample, from 0 on")],
    out: Annotated[Path, typer.Option(metavar="FILE.png", help="the picture to write")] = Path("sample.png"),
) -> None:
    """Draw a contact sheet of a sample: every modality and month, gaps too. Needs matplotlib."""
    from olmoearth_core.care import drawing, sheet_picture
    from olmoearth_core.care.sheet import sheet
    from olmoearth_core.cli.dataset import _known
    from olmoearth_core.data.folder import find

    drawing.check(out)
    found = sheet(find(path), index, _known())
    sheet_picture.draw(found, out)
    for pictures in found.pictures:
        gaps = [month[:7] for month, image in zip(found.months, pictures.images, strict=False) if image is None]
        what = f"{len(found.months) - len(gaps)} of {len(found.months)} steps" if pictures.varies else "map"
        typer.echo(f"{pictures.name:<24}{what}" + (f", none in {', '.join(gaps)}" if gaps else ""))
    for curves in found.curves:
        typer.echo(f"{curves.name:<24}{len(curves.values)} steps of {len(curves.bands)} values")
    typer.echo(f"picture  {out}")
