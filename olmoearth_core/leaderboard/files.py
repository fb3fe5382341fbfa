"""Which numbers there are: result files below folders, and what installed packages have published.

Inside one evaluation a model is called "trained"; here it gets the name of that evaluation, so that many can be told
apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from olmoearth_core.errors import ConfigError, DataError, OlmoEarthError
from olmoearth_core.evaluate.flags import TRIVIAL
from olmoearth_core.evaluate.results import Row, as_json
from olmoearth_core.evaluate.session import HEADER, SUFFIX, read_rows
from olmoearth_core.interfaces.leaderboard import PUBLISHED, Leaderboard
from olmoearth_core.leaderboard.variants import settings_of

LARGEST_BYTES = 64 * 2**20
"""Larger files are refused unread; the largest known ones have a few hundred kilobytes."""
_TEXTS = ("task", "subject", "metric", "split", "benchmark", "evaluator", "profile", "dataset", "weights", "source",
          "selected", "interval")  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A score and whose it is. model: its name among all files. place: the folder or leaderboard it comes from."""

    model: str
    row: Row
    place: str

    @property
    def trivial(self) -> bool:
        """Whether nobody has trained it."""
        return self.row.profile != PUBLISHED and self.row.subject in TRIVIAL


@dataclass(frozen=True)
class Found:
    """Scores, and what is to be said about where they come from."""

    entries: tuple[Entry, ...] = ()
    remarks: tuple[str, ...] = ()


def collect(paths: Sequence[Path], *, skip_broken: bool = False) -> Found:
    """Read every result file below the folders, each once, in the order of their names.

    skip_broken: name files that cannot be read among the remarks instead of refusing them all.

    Raises:
        ConfigError: there is no result file below one of the paths.
        DataError: some cannot be read; all of them are listed.
    """
    entries, broken = list[Entry](), list[str]()
    files = _files(paths)
    headers: dict[Path, dict[str, Any]] = {}
    for folder in dict.fromkeys(file.parent for file in files):
        try:
            headers[folder] = _header(folder)
        except DataError as error:
            broken.append(str(error))
            headers[folder] = {}
    for file in files:
        try:
            entries += [_entry(row, headers[file.parent], file) for row in _chosen(_sound(file))]
        except DataError as error:
            broken.append(str(error))
    if broken and not skip_broken:
        raise DataError("\n".join([*broken, "Leave such files out with --skip-broken."]))
    unfinished = [f"{folder}: not finished" for folder, header in headers.items() if header.get("finished") is False]
    return Found(tuple(entries), (*(f"left out: {text}" for text in broken), *unfinished))


def published(boards: Sequence[Leaderboard]) -> Found:
    """Return the rows of leaderboards as entries."""
    return Found(tuple(Entry(_line(row.subject), row, board.name) for board in boards for row in board.rows()))


def leaderboards() -> tuple[list[Leaderboard], list[str]]:
    """Return what the installed packages have published, and a line for each component that is broken."""
    from olmoearth_core.kinds import registry

    boards, remarks = list[Leaderboard](), list[str]()
    for name in registry.leaderboards.components():
        try:
            boards.append(registry.leaderboards.get(name)())
        except OlmoEarthError as error:
            remarks.append(f"left out: {name}: {_line(str(error))}")
    return boards, remarks


def _files(paths: Sequence[Path]) -> list[Path]:
    found: dict[Path, Path] = {}
    for path in paths:
        below = [path] if path.name.endswith(SUFFIX) and path.is_file() else sorted(path.rglob(f"*{SUFFIX}"))
        if not below:
            raise ConfigError(
                f"{path}: found no result (*{SUFFIX}) there. Name the folder that `olmoearth evaluate` wrote, or one "
                "around several of them."
            )
        for file in below:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def _header(folder: Path) -> dict[str, Any]:
    path = folder / HEADER
    if not path.exists():
        return {}
    try:
        found = json.loads(_checked(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as cause:
        raise DataError(f"{path}: found no header of an evaluation ({cause}).") from cause
    if not isinstance(found, dict):
        raise DataError(f"{path}: found {type(found).__name__}, expected the header of an evaluation.")
    return found


def _sound(file: Path) -> list[Row]:
    rows = read_rows(_checked(file))
    for row in rows:
        wrong = [name for name in _TEXTS if not isinstance(getattr(row, name), str)]
        wrong += [name for name in ("counts", "settings", "details") if not isinstance(getattr(row, name), dict)]
        if wrong:
            raise DataError(f"{file}: found a row whose {', '.join(wrong)} is of another type than `evaluate` writes.")
        try:
            as_json(row)
            settings_of(row)
        except RecursionError as cause:
            raise DataError(f"{file}: found a row that is nested deeper than `evaluate` nests any.") from cause
    return rows


def _checked(path: Path) -> Path:
    try:
        size = path.stat().st_size
    except OSError as cause:
        raise DataError(f"{path}: cannot be read ({cause}).") from cause
    if size > LARGEST_BYTES:
        raise DataError(f"{path}: has {size} bytes, results have at most {LARGEST_BYTES}.")
    return path


def _chosen(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield scores, no comparisons, of the split that counts: test, or whatever else there is."""
    splits = [row.split for row in rows if not row.flags or not row.flags[0].startswith("refused")]
    best = next((split for split in ("test", "all", "valid") if split in splits), None)
    yield from (row for row in rows if not row.compares and (row.split == best or row.split not in splits))


def _entry(row: Row, header: dict[str, Any], file: Path) -> Entry:
    texts: dict[str, Any] = {name: _line(getattr(row, name)) for name in _TEXTS}
    row = replace(row, **texts, flags=tuple(map(_line, row.flags)))
    title = _line(str(header.get("title") or file.parent.name))
    step = header.get("step")
    names = {"trained": f"{title} @{step}" if isinstance(step, int) else title, "untrained": f"untrained {title}"}
    return Entry(names.get(row.subject, row.subject), row, str(file.parent))


def _line(text: str) -> str:
    """Return text that stays on its line, whatever somebody has put into a file."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
