"""olmoearth evaluate: score a checkpoint on tasks, beside baselines."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from olmoearth_core.cli.dataset_engine import SCHEDULER, WORKERS

if TYPE_CHECKING:
    from olmoearth_core.evaluate.results import Row
    from olmoearth_core.evaluate.session import Session
    from olmoearth_core.evaluate.sweep import Sweep
    from olmoearth_core.evaluate.trained import Evaluation

CACHE = "~/.cache/olmoearth/features"


def command(
    checkpoint: Annotated[str, typer.Argument(help="a run folder (its last step), a checkpoint, or a wrapper's name")],
    arguments: Annotated[
        list[str] | None, typer.Argument(help="overrides: --section.key=value", metavar="[OVERRIDES]")
    ] = None,
    config: Annotated[list[str] | None, typer.Option(help="file that declares tasks; may be repeated")] = None,
    tasks: Annotated[str | None, typer.Option(help="names to run, joined by commas; all if left out")] = None,
    profile: Annotated[str | None, typer.Option(help='"default", or "reference-2026.07" for its numbers')] = None,
    out: Annotated[str | None, typer.Option(help="folder for results; the run's evaluations/ if left out")] = None,
    baselines: Annotated[bool, typer.Option(help="also untrained encoder, pixel values, majority class")] = True,
    cache: Annotated[str, typer.Option(help="folder where features are kept; empty = nowhere")] = CACHE,
    all_metrics: Annotated[bool, typer.Option("--all-metrics", help="print every metric and split")] = False,
    test: Annotated[bool, typer.Option(help="score the test split, not the validation split alone")] = True,
    sweep: Annotated[list[str] | None, typer.Option(help="try key=value,value; the best on valid is tested")] = None,
    engine: Annotated[str | None, typer.Option(help="where to try: pool = this machine, dask = a cluster")] = None,
    workers: WORKERS = None,
    scheduler: SCHEDULER = None,
    device: Annotated[str | None, typer.Option(help='"cpu" or "cuda"; the best there is if left out')] = None,
) -> None:
    """Score a checkpoint on the tasks of its config, or of --config files.

    Under torchrun all processes encode; the numbers are those of one process.
    """
    from olmoearth_core.evaluate.results import table
    from olmoearth_core.evaluate.trained import Evaluation, Request
    from olmoearth_core.train.distributed import join, leave

    plan = _sweep(sweep or (), engine, workers=workers, scheduler=scheduler)
    names = [name.strip() for name in tasks.split(",")] if tasks else None
    world = join(os.environ, device)
    try:
        request = Request(
            checkpoint=checkpoint, configs=config or (), overrides=arguments or (), device=str(world.device),
            tasks=names, profile=profile, with_baselines=baselines, cache=cache or None, test=test,
        )  # fmt: skip
        evaluation = Evaluation(request, world.patient())
        rows, session = _run(evaluation, plan, out)
        if session is not None:
            typer.echo(f"\n{table(rows, all_metrics=all_metrics)}\n\n{session.finish(rows)}")
    finally:
        leave(world)


def _run(evaluation: Evaluation, plan: Sweep | None, out: str | None) -> tuple[list[Row], Session | None]:
    """Score task by task, each written down as soon as it is done; other ranks than 0 only help."""
    from pathlib import Path

    from olmoearth_core.evaluate.session import session

    world, who = evaluation.options.world, evaluation.contender
    header = {**evaluation.header(), "sweep": {key: list(v) for key, v in plan.axes.items()} if plan else {}}
    here = session(Path(out) if out else who.home, who.stem, header) if world.speaks else None
    if plan is not None:
        plan.check(evaluation)
    rows: list[Row] = []
    for name in evaluation.tasks:
        known = here.done(name) if here is not None else None
        if world.share_text("known" if known is not None else ""):
            rows += known or []
            continue
        started = time.monotonic()
        open_, scored = evaluation.score(name) if plan is None else plan.score(evaluation, name)
        if here is None:
            continue
        rows += scored
        extra = {"seconds": round(time.monotonic() - started, 3), "peak_bytes": _peak_bytes()}
        here.keep(name, scored, extra)
        counts = ", ".join(f"{count} {split}" for split, count in open_.counts.items())
        typer.echo(f"{name}: {counts}; {scored[0].absent:.1%} of their values absent; {extra['seconds']:.0f} s")
    return rows, here


def _sweep(texts: Sequence[str], engine: str | None, **options: Any) -> Sweep | None:
    from olmoearth_core.cli.dataset_engine import engine as made
    from olmoearth_core.errors import ConfigError
    from olmoearth_core.evaluate.sweep import Sweep, axis

    if not texts:
        if engine is not None or any(value is not None for value in options.values()):
            raise ConfigError("--engine, --workers and --scheduler say where a sweep runs. Add --sweep, or leave them.")
        return None
    place = made(engine or "pool", **options) if engine or options["workers"] is not None else None
    return Sweep(dict(map(axis, texts)), place)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
