"""`olmoearth masking`: look at what a strategy hides, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from olmoearth_core.cli.commands import OVERRIDES

if TYPE_CHECKING:
    from olmoearth_core.data.mask_example import Example, Row
    from olmoearth_core.train.assemble import Run

app = typer.Typer(
    help="Look at masks. CONFIG is a file or a shipped recipe; several are laid over each other from left to right, "
    "then come overrides: --section.key=value.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_VIEWS = ("masking", "masking_b")


@app.callback()
def _masking() -> None:
    """Keep `show` a command of its own: a lone command would take the place of the group."""


@app.command(context_settings=OVERRIDES)
def show(
    arguments: Annotated[
        list[str],
        typer.Argument(metavar="CONFIG", help="files, then overrides: --section.key=value", show_default=False),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE.png", help="the picture to write")] = Path("masking.png"),
    sample: Annotated[int, typer.Option(help="which sample of the batch, from 0 on")] = 0,
    step: Annotated[int, typer.Option(help="which batch of the training run, from 1 on")] = 1,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="no data: a made-up sample in which everything is there")
    ] = False,
) -> None:
    """Count and draw the tokens that each view shows and hides.

    Prints a table and writes a picture of one sample, by modality and month: which tokens are encoded, decoded, seen by
    the target encoder alone, or missing. The sample is what training gets at that step. Drawing needs matplotlib.
    """
    from olmoearth_core.cli.train import prepare
    from olmoearth_core.data import mask_picture
    from olmoearth_core.data.mask_example import rows
    from olmoearth_core.errors import ConfigError

    _check(out)
    run = prepare(arguments, {})
    example = _made_up(run, step, sample) if simulated else _of_data(run, step, sample)
    sheet = mask_picture.Sheet(
        title=_title(run),
        notes=(f"{example.about}; patch size {example.patch_size}", *_options(run)),
        dates=example.dates,
        rows=tuple(rows(example, run.specs, run.tokenization)),
    )
    typer.echo("\n".join([sheet.title, *sheet.notes, "", *table(sheet.rows)]))
    if not mask_picture.available():
        raise ConfigError(f"{out} is not drawn: that needs matplotlib, which is not installed. pip install matplotlib")
    mask_picture.draw(out, sheet)
    typer.echo(f"\npicture  {out}")


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the counts, a line per view, modality and band group, with the sum of each view."""
    from olmoearth_core.data.mask_picture import MEANING, short

    lines = [("view", "modality", "bands", *(name for name, _ in MEANING.values()), "tokens")]
    for view in dict.fromkeys(row.view for row in rows):
        own = [row for row in rows if row.view == view]
        lines += [(str(view), r.modality, short(r.bands), *_numbers(r.counts)) for r in own]
        lines += [(str(view), "all", "", *_numbers([sum(n) for n in zip(*(r.counts for r in own), strict=True)]))]
    kept = [i for i in range(len(lines[0])) if any(line[i] for line in lines[1:])]
    widths = {i: max(len(line[i]) for line in lines) for i in kept}
    for line in lines:
        yield "  ".join(line[i].ljust(widths[i]) if i < 3 else line[i].rjust(widths[i]) for i in kept).rstrip()


def _numbers(counts: Sequence[int]) -> list[str]:
    from olmoearth_core.data.mask_picture import MEANING

    return [str(number) for number in (*(counts[code] for code in MEANING), sum(counts))]


def _check(out: Path) -> None:
    from olmoearth_core.errors import ConfigError

    if out.suffix.lower() != ".png":
        raise ConfigError(f"--out {out}: the picture is a PNG; give a name that ends in .png.")
    if not out.parent.is_dir():
        raise ConfigError(f"--out {out}: there is no folder {out.parent}. Make it first, or name another one.")


def _of_data(run: Run, step: int, sample: int) -> Example:
    import torch

    from olmoearth_core.data.mask_example import of_loader
    from olmoearth_core.errors import DataError
    from olmoearth_core.train.distributed import World

    try:
        loader = run.loader(World(torch.device("cpu")))
    except DataError as error:
        raise DataError(f"{error} Or add --simulated: a made-up sample needs no data.") from error
    return of_loader(loader, step=step, sample=sample)


def _made_up(run: Run, step: int, sample: int) -> Example:
    from olmoearth_core.data.mask_example import made_up

    objective, data = run.parts.train_module, run.parts.data_loader
    maskings = (objective.masking, objective.masking_b or objective.masking)[: objective.num_views]
    return made_up(
        run.specs, maskings, run.tokenization, patch_size=data.max_patch_size, seed=data.seed, step=step, sample=sample
    )


def _title(run: Run) -> str:
    names = [block[key] for block in _blocks(run) for key in block if key.startswith("@")]
    return ", then ".join(map(str, names)) or "no masking: everything is shown"


def _options(run: Run) -> Iterator[str]:
    """Yield the settings of each strategy that are plain values."""
    for block in _blocks(run):
        plain = {key: value for key, value in block.items() if not key.startswith("@") and not isinstance(value, dict)}
        yield ", ".join(f"{key} = {_spelled(value)}" for key, value in plain.items() if value not in (None, [], False))


def _spelled(value: object) -> str:
    return " + ".join(map(str, value)) if isinstance(value, list) else str(value)


def _blocks(run: Run) -> list[dict[str, object]]:
    assert run.config is not None
    section = run.config.at("train_module")
    return [section[name] for name in _VIEWS[: run.parts.train_module.num_views] if section.get(name)]
