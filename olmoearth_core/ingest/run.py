"""Fill a tile store: every window, every modality, wherever an engine works; can be stopped and started at any time.

A tile is written by one process, images first and its own table last, so nothing half-written is ever listed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from olmoearth_core.convert.grid import Cell
from olmoearth_core.errors import DataError
from olmoearth_core.ingest.tables import summarize
from olmoearth_core.ingest.tile import Choices, Find, Outcome, make_tile
from olmoearth_core.ingest.windows import FACTOR, Window
from olmoearth_core.interfaces.engine import Engine
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.source import Progress

Finders = Mapping[str, Find]
"""Modality -> who finds its scenes."""


@dataclass(frozen=True)
class Report:
    """What came of all windows and modalities, in the order of windows."""

    store: Path
    outcomes: tuple[Outcome, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many tiles were written, kept, skipped and failed."""
        found = Counter(outcome.status for outcome in self.outcomes)
        return {status: found[status] for status in ("written", "kept", "skipped", "failed")}


def ingest(
    store: str | Path,
    windows: Sequence[Window],
    specs: Sequence[ModalitySpec],
    finders: Finders,
    *,
    choices: Choices | None = None,
    engine: Engine | None = None,
    shard: tuple[int, int] = (0, 1),
    progress: Progress | None = None,
) -> Report:
    """Make the tiles of all windows and the tables of the store.

    finders: must go to other processes if the engine has some. engine: where; null = this process. shard: (i, n),
    every n-th window from i; each shard renews the tables, so the last one leaves them whole.

    Raises:
        DataError: a modality has no tiles on the 10 m grid, or the store cannot be written.
    """
    _ready(specs, finders)
    root = Path(store)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{root}: cannot be made ({error}). Give another folder.") from error
    # The first of a cell, because two processes at one tile would hinder each other.
    once: dict[Cell, Window] = {}
    for window in windows:
        once.setdefault(window.cell, window)
    mine = list(enumerate(once.values()))[shard[0] :: shard[1]]
    job = partial(_window, specs=tuple(specs), finders=dict(finders), store=root, choices=choices or Choices())
    outcomes: dict[int, list[Outcome]] = {}
    for number, found in engine.run(job, mine) if engine and mine else map(job, mine):
        outcomes[number] = found
        if progress:
            progress(len(outcomes), len(mine))
    for spec in specs:
        summarize(root, spec)
    return Report(root, tuple(outcome for number in sorted(outcomes) for outcome in outcomes[number]))


def _ready(specs: Sequence[ModalitySpec], finders: Finders) -> None:
    for spec in specs:
        if not spec.parsed or spec.grid_factor != FACTOR:
            why = f"is derived from {spec.derived_from}" if spec.derived_from else "has no tiles on the 10 m grid"
            raise DataError(f'modality "{spec.name}" {why}, so it cannot be ingested. Leave it out.')
        if spec.name not in finders:
            raise DataError(f'modality "{spec.name}": nobody finds its scenes. Leave it out, or install a reader.')


def _window(
    item: tuple[int, Window], *, specs: Sequence[ModalitySpec], finders: Finders, store: Path, choices: Choices
) -> tuple[int, list[Outcome]]:
    number, window = item
    return number, [make_tile(window, spec, finders[spec.name], store, choices) for spec in specs]
