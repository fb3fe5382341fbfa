"""olmoearth benchmarks: which there are, how to get their data, and whether it is what it should be."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from olmoearth_core.evaluate.soundness import Report, SplitFacts
    from olmoearth_core.interfaces.modality import ModalitySpec

app = typer.Typer(help="List benchmarks, fetch and prepare their data, and check it.", no_args_is_help=True)

_NAME = Annotated[str, typer.Argument(help="whole name, or short: the part between the dots")]
_SET = Annotated[list[str] | None, typer.Option("--set", help="a setting of the benchmark, key=value; may be repeated")]


@app.command("list")
def list_benchmarks(
    tasks: Annotated[bool, typer.Option("--tasks", help="list shipped tasks, which tasks_to_run may name")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """List benchmarks, with licence and the environment variable of their data."""
    rows = _task_rows() if tasks else _benchmark_rows()
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    if tasks:
        _print_table(rows, ("name", "benchmark", "evaluator", "primary_metric"), last="reason")
        return
    for row in rows:
        if row["variable"]:
            row["variable"] += " (set)" if row["variable_is_set"] else " (not set)"
        row["data"] = "-" if row["reason"] else "public" if row["public"] else "not public"
    _print_table(rows, ("name", "task_type", "primary_metric", "licence", "variable", "data"), last="title")


@app.command()
def check(
    name: _NAME,
    root: Annotated[list[str] | None, typer.Option(help="folder or URL of the data; may be repeated")] = None,
    settings: _SET = None,
    most: Annotated[int | None, typer.Option(help="samples to read of each split; all if left out")] = None,
    profile: Annotated[str, typer.Option(help='"default", or "reference-2026.07"')] = "default",
) -> None:
    """Read every sample of a benchmark and say what it holds; exit code 1 if something is wrong."""
    from olmoearth_core.cli.dataset import _progress
    from olmoearth_core.errors import ConfigError
    from olmoearth_core.evaluate import profile as profiles
    from olmoearth_core.evaluate.catalog import made, named
    from olmoearth_core.evaluate.soundness import examine
    from olmoearth_core.interfaces.evaluation import Context

    if most is not None and most < 1:
        raise ConfigError(f"--most: found {most}, expected at least 1.")
    context, wrong = Context(profile=profiles.checked(profile)), 0
    places: list[str | None] = [*root] if root else [None]
    for place in places:
        given = {**_parsed(settings or []), **({} if place is None else {"root": place})}
        benchmark = made(name, given)
        specs = _specs()
        opened = benchmark.open(specs, context=context)
        with _progress("samples") as progress:
            report = examine(opened, benchmark.task_type, specs, most=most, progress=progress)
        typer.echo(
            f"{named(name)}: {benchmark.task_type}, {len(opened.classes)} classes{f', {place}' if place else ''}"
        )
        _print_report(report, opened.classes)
        for modality, unit in opened.foreign.items():
            typer.echo(f'note      {modality} is in a unit of its own ({unit}): score with normalization = "dataset"')
        wrong += len(report.faults)
    if wrong:
        raise typer.Exit(1)


@app.command()
def fetch(
    name: _NAME,
    folder: Annotated[Path, typer.Argument(help="folder for the files; nothing is written outside")],
    unpack: Annotated[bool, typer.Option("--unpack", help="unpack archives into folders of their names")] = False,
    settings: _SET = None,
) -> None:
    """Fetch the published files of a benchmark; what was cut off goes on."""
    from olmoearth_core.errors import DataError
    from olmoearth_core.evaluate.catalog import made, named
    from olmoearth_core.evaluate.fetch import fetch as get
    from olmoearth_core.interfaces.evaluation import Preparable, Published

    benchmark, full = made(name, _parsed(settings or [])), named(name)
    if not isinstance(benchmark, Published):
        raise DataError(f"{full}: does not say where its data comes from, so there is nothing to fetch.")
    for line in get(full, benchmark.about, folder, unpack=unpack):
        typer.echo(line)
    if benchmark.about.prepared and isinstance(benchmark, Preparable):
        typer.echo(f"next: olmoearth benchmarks prepare {name} {folder} OUT")
    elif benchmark.about.variable:
        typer.echo(f"next: export {benchmark.about.variable}={folder}; olmoearth benchmarks check {name}")


@app.command()
def prepare(
    name: _NAME,
    raw: Annotated[str, typer.Argument(help="folder or URL of the published files")],
    out: Annotated[str, typer.Argument(help="folder or URL for what the benchmark reads")],
    settings: _SET = None,
) -> None:
    """Convert published files into what a benchmark reads; what is done is kept."""
    from olmoearth_core.errors import DataError
    from olmoearth_core.evaluate.catalog import made, named
    from olmoearth_core.interfaces.evaluation import Preparable

    benchmark = made(name, _parsed(settings or []))
    if not isinstance(benchmark, Preparable):
        raise DataError(f"{named(name)}: reads the published files as they are; there is nothing to prepare.")
    for line in benchmark.prepare(raw, out):
        typer.echo(line)
    typer.echo(f"next: olmoearth benchmarks check {name} --root {out}")


def _benchmark_rows() -> list[dict[str, Any]]:
    from olmoearth_core.evaluate.catalog import entries

    return [entry.facts(os.environ) for entry in entries()]


def _task_rows() -> list[dict[str, Any]]:
    from olmoearth_core.evaluate.shipped import shipped

    return [
        {
            "name": task.name,
            "benchmark": task.block.get("benchmark", {}).get("@benchmarks", ""),
            "evaluator": task.block.get("evaluator", {}).get("@evaluators", ""),
            "primary_metric": task.block.get("primary_metric") or "",
            "source": task.source,
            "reason": task.lacks,
        }
        for task in shipped().values()
    ]


def _print_table(rows: list[dict[str, Any]], columns: tuple[str, ...], *, last: str) -> None:
    if not rows:
        typer.echo("none installed; olmoearth-benchmarks has some")
        return
    widths = [max(len(str(row[key] or "-")) for row in rows) for key in columns]
    for row in rows:
        cells = [f"{row[key] or '-'!s:<{width}}" for key, width in zip(columns, widths, strict=True)]
        typer.echo("  ".join([*cells, row["reason"] or row[last]]).rstrip())


def _parsed(settings: list[str]) -> dict[str, Any]:
    from olmoearth_core.config.source import interpret
    from olmoearth_core.errors import ConfigError

    found = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals or not key.isidentifier():
            raise ConfigError(f'--set: found "{text}", expected key=value, for example --set patch_size=4.')
        found[key] = interpret(value)
    return found


def _specs() -> tuple[ModalitySpec, ...]:
    from olmoearth_core.kinds import registry
    from olmoearth_core.lookup import modalities

    return modalities(sorted(registry.modalities.components()))


def _print_report(report: Report, classes: tuple[str, ...]) -> None:
    for facts in report.splits:
        read = "" if facts.read == facts.samples else f", {facts.read} read"
        groups = f", {len(facts.groups)} groups" if facts.groups else ""
        typer.echo(
            f"{facts.name:<10}{facts.samples} samples{read}{groups}; {facts.absent_share:.1%} of their values absent"
        )
        for line in _label_lines(facts, classes):
            typer.echo(f"          {line}")
        for (modality, band), found in facts.ranges.items():
            beyond = f", {found.outside / found.count:.2%} beyond its valid range" if found.outside else ""
            typer.echo(f"          {modality} {band}: {found.low:g} to {found.high:g}{beyond}")
    for word, lines in (("note", report.notes), ("fault", report.faults)):
        for line in lines:
            typer.echo(f"{word:<10}{line}")
    typer.echo(f"{len(report.faults)} faults" if report.faults else "nothing is wrong")


def _label_lines(facts: SplitFacts, classes: tuple[str, ...]) -> list[str]:
    if facts.target.count:
        span = f"labels from {facts.target.low:g} to {facts.target.high:g}"
        return [f"{span}, {facts.ignored} unknown" if facts.ignored else span]
    if not facts.labels:
        return []
    total = sum(facts.labels.values())
    counts = [f"{classes[k]}: {facts.labels[k]} ({facts.labels[k] / total:.1%})" for k in sorted(facts.labels)]
    unknown = [f"not labelled: {facts.ignored}"] if facts.ignored else []
    return [f"{len(facts.labels)} of {len(classes)} classes seen", *counts, *unknown]
