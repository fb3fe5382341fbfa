"""olmoearth dataset read: who reads a raw product, and what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import xarray

    from olmoearth_core.interfaces.modality import ModalitySpec
    from olmoearth_core.interfaces.reader import Reader


def read(
    path: Annotated[Path, typer.Argument(help="file or folder of a raw product, or a folder of many")],
    modality: Annotated[str | None, typer.Option(help="this one alone, where a product holds several")] = None,
    reader: Annotated[str | None, typer.Option(help="this reader alone, where several know the file")] = None,
    option: Annotated[list[str] | None, typer.Option(help="key=value for readers that have this option")] = None,
) -> None:
    """Say which reader recognises a product, and print what it gives; exit code 1 if it is refused."""
    from olmoearth_core.errors import DataError
    from olmoearth_core.ingest.local import products

    readers = _readers(reader, option or [])
    if not path.exists():
        raise DataError(f"{path}: not found. Give a file or folder.")
    found = list(products(path, readers))
    if not found:
        names = ", ".join(r.name for r in readers) or "none is installed"
        raise DataError(f"{path}: no reader recognises anything here (asked: {names}).")
    refused = False
    for place, knowing in found:
        typer.echo(f"product     {place}")
        for one in knowing:
            for line in _described(one, place, modality):
                refused |= line.startswith("refused")
                typer.echo(line)
    if refused:
        raise typer.Exit(1)


def _readers(name: str | None, options: list[str]) -> list[Reader]:
    from olmoearth_core.cli.dataset_ingest import parsed
    from olmoearth_core.ingest.local import build_readers
    from olmoearth_core.kinds import registry

    names = [name] if name is not None else list(registry.readers.components())
    factories = {n: registry.readers.get(n) for n in names}
    return build_readers(factories, list(registry.modalities.components()), name, parsed(options))


def _described(reader: Reader, place: str, modality: str | None) -> Iterator[str]:
    from olmoearth_core.errors import DataError, OtherModality
    from olmoearth_core.lookup import modalities

    wanted = None if modality is None else modality.strip().lower()
    others = []
    for name in reader.modalities:
        if wanted not in (None, name):
            continue
        (spec,) = modalities([name])
        try:
            array = reader.read(place, spec)
        except OtherModality as error:
            others.append((name, error))
            continue
        except DataError as error:
            yield f"reader      {reader.name} as {name}"
            yield f"refused     {error}"
            continue
        yield f"reader      {reader.name} as {name}"
        try:
            yield from _facts(array)
            yield f"clear       {_clear(reader, place, spec)}"
            yield ""
            yield from _table(array)
            yield ""
            yield _verdict(array, spec)
        except DataError as error:
            yield f"refused     {error}"
    if others and len(others) == sum(wanted in (None, name) for name in reader.modalities):
        yield f"reader      {reader.name} as {others[0][0]}"
        yield f"refused     {others[0][1]}"


def _facts(array: xarray.DataArray) -> Iterator[str]:
    from olmoearth_core.ingest.local import bounds_of

    times = [str(t)[:19] for t in array["time"].values]
    yield f"times       {times[0]}" + (f" to {times[-1]}, {len(times)} steps" if len(times) > 1 else "")
    yield f"values      {array.attrs.get('quantity') or 'not declared'}, {array.attrs.get('units') or 'no unit'}"
    if "x" not in array.dims:
        return
    west, south, east, north = bounds_of(array)
    steps = [abs(float(array[a][-1] - array[a][0])) / max(1, array.sizes[a] - 1) for a in ("x", "y")]
    unit = "degrees" if array.rio.crs.is_geographic else "m"
    yield f"pixels      {array.sizes['x']} x {array.sizes['y']} of {steps[0]:.6g} x {steps[1]:.6g} {unit}"
    yield f"crs         {array.rio.crs.to_string()}"
    yield f"bounds      west {west:.5f}, south {south:.5f}, east {east:.5f}, north {north:.5f}"


def _clear(reader: Reader, place: str, spec: ModalitySpec) -> str:
    mask = reader.clear(place, spec)
    if mask is None:
        return "the product does not say"
    # Every few pixels of a large mask: a share needs no more.
    every = max(1, int((mask.sizes["y"] * mask.sizes["x"] / 1e6) ** 0.5))
    share = float(mask.isel(y=slice(None, None, every), x=slice(None, None, every)).values.mean())
    return f"{share:.1%} of the pixels"


def _table(array: xarray.DataArray) -> Iterator[str]:
    import numpy as np

    from olmoearth_core.readers.contract import sample

    yield f"{'band':<40}{'min':>12}{'mean':>12}{'max':>12}{'nothing':>10}"
    looked = 0
    for band, values in sample(array).items():
        there = values[np.isfinite(values)].astype(np.float64)
        looked = max(looked, values.size)
        numbers = [f"{v:.6g}" for v in (there.min(), there.mean(), there.max())] if there.size else ["", "", ""]
        missing = 1 - there.size / max(1, values.size)
        yield f"{band:<40}" + "".join(f"{n:>12}" for n in numbers) + f"{missing:>10.1%}"
    everything = array.size // max(1, array.sizes["band"])
    if looked < everything:
        yield f"from {looked:,} of {everything:,} pixels per band, in five squares"


def _verdict(array: xarray.DataArray, spec: ModalitySpec) -> str:
    from olmoearth_core.errors import DataError
    from olmoearth_core.readers.contract import check

    try:
        check(array, spec)
    except DataError as error:
        return f"refused     {error}"
    return "contract    holds"
