"""olmoearth quickstart: data, a small pretraining run, scores and a picture, by the commands anybody would type.

Every step is one `olmoearth` command, printed before it runs, so that the next experiment is a copy away. Real sites
are used where they lie beside the project, a simulated landscape elsewhere. Data that are there are used again.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

SAMPLES = "OLMOEARTH_SAMPLES"
BESIDE = Path("../shared/samples")
CHECKED = "metrics.jsonl"


@dataclass(frozen=True)
class Plan:
    """What will be done: commands that make the data, the folder they end in, and the recipe to train."""

    title: str
    make_data: tuple[tuple[str, ...], ...]
    h5: Path
    recipe: str


def command(
    arguments: Annotated[
        list[str] | None, typer.Argument(help="overrides of the training run: --section.key=value")
    ] = None,
    samples: Annotated[Path | None, typer.Option(help=f"folder of real sites; else ${SAMPLES}, else {BESIDE}")] = None,
    work: Annotated[Path, typer.Option(help="where the data are made and kept")] = Path("data/quickstart"),
    root: Annotated[Path, typer.Option(help="folder of runs")] = Path("runs"),
    simulated: Annotated[bool, typer.Option("--simulated", help="simulate even if real sites are there")] = False,
    tiles: Annotated[int, typer.Option(help="size of the simulated landscape, in tiles of 2.56 km")] = 12,
) -> None:
    """From nothing to a trained model with scores, in about five minutes on two cores."""
    sites = None if simulated else find_samples(samples, os.environ)
    plan = of_sites(sites, work) if sites else of_landscape(work, tiles)
    typer.echo(plan.title)
    if not is_there(plan.h5):
        for step in plan.make_data:
            run(step)
    else:
        typer.echo(f"data are there: {plan.h5}")
    name = fresh_name(root)
    run(
        (
            "train",
            plan.recipe,
            f"--run.name={name}",
            f"--run.root={root}",
            f"--dataset.h5py_dir={plan.h5}",
            *(arguments or ()),
        )
    )
    folder = root / name
    run(("evaluate", str(folder)))
    typer.echo("\n" + "\n".join(report(folder, picture_of(folder))))


def find_samples(asked: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Return the folder of real sites, or None; an empty variable means none."""
    named = environment.get(SAMPLES)
    if asked is None and named == "":
        return None
    folder = asked or (Path(named) if named else BESIDE)
    if (folder / "sites").is_dir():
        return folder
    if asked is not None or named:
        raise typer.BadParameter(f"{folder}: no folder sites/ in it. Leave the option out to simulate a landscape.")
    return None


def of_sites(samples: Path, work: Path) -> Plan:
    """Plan a run on real sites."""
    h5 = work / "sites" / "h5"
    return Plan(
        f"real sites from {samples / 'sites'}",
        (("dataset", "import", str(samples), str(h5)),),
        h5,
        "configs/quickstart_sites.cfg",
    )


def of_landscape(work: Path, tiles: int) -> Plan:
    """Plan a run on a simulated landscape."""
    store, h5 = work / "simulated" / "tiles", work / "simulated" / "h5"
    simulate = ("dataset", "simulate", str(store), f"--tiles={tiles}")
    return Plan(
        "a simulated landscape (no real sites found)",
        (simulate, ("dataset", "convert", str(store), str(h5), "--tile-size=64")),
        h5,
        "configs/quickstart.cfg",
    )


def is_there(h5: Path) -> bool:
    """Whether a finished data set lies in or below a folder."""
    from olmoearth_core.data.folder import find
    from olmoearth_core.errors import DataError

    try:
        find(str(h5))
    except DataError:
        return False
    return True


def fresh_name(root: Path) -> str:
    """Return quickstart-001, or the number after the highest that is there."""
    taken = [int(m[1]) for p in root.glob("quickstart-*") if (m := re.fullmatch(r"quickstart-(\d+)", p.name))]
    return f"quickstart-{max(taken, default=0) + 1:03d}"


def run(words: Sequence[str]) -> None:
    """Print one `olmoearth` command and run it in a process of its own; its failure ends the quick start."""
    typer.echo(f"\n$ olmoearth {' '.join(words)}")
    sys.stdout.flush()
    # Threads that spin while they wait make a shared machine many times slower.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    done = subprocess.run([sys.executable, "-m", "olmoearth_core.cli.main", *words], check=False, env=environment)
    if done.returncode:
        raise typer.Exit(done.returncode)


def picture_of(folder: Path) -> Path | None:
    """Draw the run's loss and some predictions into its folder; None without matplotlib."""
    from olmoearth_core.evaluate import picture
    from olmoearth_core.evaluate.trained import Evaluation, Request
    from olmoearth_core.interfaces.evaluation import ALL

    if not picture.available():
        return None
    evaluation = Evaluation(Request(checkpoint=str(folder)))
    open_ = evaluation.open(next(iter(evaluation.tasks)))
    evaluator = open_.task.evaluator
    if not isinstance(evaluator, picture.Predictor) or ALL not in open_.opened.splits:
        return None
    specs, (subject, *_) = evaluation.contender.specs, evaluation.subjects
    encode = subject.encode(evaluation.contender.reading(open_, subject))
    features = encode([one.sample for one in open_.opened.splits[ALL]])
    shown = picture.held_out(open_, features, evaluator)
    path = folder / "picture.png"
    picture.draw(path, picture.losses(folder / CHECKED), shown, specs)
    return path


def report(folder: Path, picture: Path | None) -> list[str]:
    """Say how the loss went and where everything is."""
    from olmoearth_core.evaluate.picture import losses

    curve = [loss for _, loss in losses(folder / CHECKED)]
    lines = []
    if curve:
        tenth = max(1, len(curve) // 10)
        first, last = (sum(part) / len(part) for part in (curve[:tenth], curve[-tenth:]))
        lines.append(f"loss        {first:.3f} -> {last:.3f} (means of the first and last tenth)")
    lines += [f"run         {folder}", f"metrics     {folder / CHECKED}", f"scores      {folder / 'evaluations'}"]
    return [*lines, f"picture     {picture}"] if picture else lines
