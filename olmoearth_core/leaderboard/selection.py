"""Which scores a leaderboard shows: measured ones, published ones of the same tasks, and what was asked for of both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.leaderboard import PUBLISHED, Leaderboard
from olmoearth_core.leaderboard.board import Column
from olmoearth_core.leaderboard.files import Entry, Found, collect, leaderboards, published
from olmoearth_core.leaderboard.suspicion import suspected

PRIMARY = "primary"


@dataclass(frozen=True)
class Wanted:
    """A choice of scores. metric: a name, or `PRIMARY`. tasks: names. models: parts of names, in any case of letters.

    Empty tasks or models mean all.
    """

    metric: str = PRIMARY
    tasks: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def of(self, found: Found) -> Found:
        """Return the chosen scores; published ones only of tasks and protocols that somebody has measured, if any.

        Raises:
            ConfigError: a name matches nothing; the message lists what there is.
        """
        kept = [e for e in found.entries if (e.row.primary if self.metric == PRIMARY else e.row.metric == self.metric)]
        _require(kept, "--metric", self.metric, (e.row.metric for e in found.entries))
        for task in self.tasks:
            _require([e for e in kept if e.row.task == task], "--tasks", task, (e.row.task for e in kept))
        for model in self.models:
            _require([e for e in kept if _has(e, model)], "--models", model, (e.model for e in kept))
        kept = [e for e in kept if not self.tasks or e.row.task in self.tasks]
        measured = {(e.row.task, e.row.metric, e.row.evaluator) for e in kept if e.row.profile != PUBLISHED}
        kept = [e for e in kept if not measured or (e.row.task, e.row.metric, e.row.evaluator) in measured]
        kept = [e for e in kept if not self.models or any(_has(e, model) for model in self.models)]
        if not kept:
            raise ConfigError("--tasks and --models: no score is left. Ask for fewer things at once.")
        lost = _some_published(found.entries) and not _some_published(kept)
        none = ("published: no score of these tasks by these metrics and protocols",) if lost else ()
        return replace(found, entries=tuple(kept), remarks=(*found.remarks, *none))


def gathered(
    paths: Sequence[Path], *, reference: bool, skip_broken: bool = False
) -> tuple[Found, Sequence[Leaderboard]]:
    """Return measured scores with what looks wrong about them, published ones if asked for, and all leaderboards.

    Raises:
        ConfigError: nothing was asked for, or there is no result.
        DataError: a result cannot be read.
    """
    if not paths and not reference:
        raise ConfigError("results: name a folder with results, or ask for published scores with --reference.")
    measured = collect(paths, skip_broken=skip_broken)
    boards, broken = leaderboards()
    known = published(boards) if reference else Found()
    entries = (*suspected(measured.entries), *known.entries)
    if not entries:
        raise ConfigError("results: found no score. `olmoearth evaluate` makes some; packages bring published ones.")
    return Found(entries, (*measured.remarks, *(broken if reference else ()))), boards


def bounds_of(boards: Sequence[Leaderboard]) -> dict[Column, tuple[float, float]]:
    """Return the bounds of all leaderboards; of two for one score the first counts."""
    return {column: limits for board in reversed(boards) for column, limits in board.bounds().items()}


def _some_published(entries: Iterable[Entry]) -> bool:
    return any(entry.row.profile == PUBLISHED for entry in entries)


def _has(entry: Entry, part: str) -> bool:
    return part.lower() in entry.model.lower()


def _require(found: Sequence[Entry], option: str, asked: str, known: Iterable[str]) -> None:
    if not found:
        there = ", ".join(dict.fromkeys(known))
        raise ConfigError(f'{option}: found "{asked}", but there is only {there or "nothing"}.')
