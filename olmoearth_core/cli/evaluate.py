"""olmoearth evaluate: score a checkpoint on tasks, beside baselines if asked."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer


def command(
    checkpoint: Annotated[str, typer.Argument(help="a run folder (its last step) or one checkpoint")],
    arguments: Annotated[
        list[str] | None, typer.Argument(help="overrides: --section.key=value", metavar="[OVERRIDES]")
    ] = None,
    config: Annotated[list[str] | None, typer.Option(help="file that declares tasks; may be repeated")] = None,
    tasks: Annotated[str | None, typer.Option(help="names to run, joined by commas; all if left out")] = None,
    out: Annotated[str | None, typer.Option(help="folder for the result; the run's evaluations/ if left out")] = None,
    baselines: Annotated[bool, typer.Option("--baselines", help="also untrained encoder and pixel values")] = False,
    all_metrics: Annotated[
        bool, typer.Option("--all-metrics", help="print every metric, not the primary alone")
    ] = False,
    device: Annotated[str | None, typer.Option(help='"cpu" or "cuda"; the best there is if left out')] = None,
) -> None:
    """Score a checkpoint on the tasks of its config, or of --config files."""
    from olmoearth_core.evaluate.results import Row, table
    from olmoearth_core.evaluate.trained import Evaluation, Request

    evaluation = Evaluation(
        Request(
            checkpoint=checkpoint,
            configs=config or (),
            overrides=arguments or (),
            device=device,
            tasks=[name.strip() for name in tasks.split(",")] if tasks else None,
            with_baselines=baselines,
        )
    )
    rows: list[Row] = []
    for name, data, scored in evaluation.rows():
        typer.echo(f"{name}: {len(data)} samples, {scored[0].absent:.1%} of their values absent")
        rows += scored
    typer.echo("")
    typer.echo(table(rows, all_metrics=all_metrics))
    versions = {package: version(package) for package in ("olmoearth", "torch", "numpy")}
    typer.echo(f"\n{evaluation.save(rows, out, versions=versions)}")
