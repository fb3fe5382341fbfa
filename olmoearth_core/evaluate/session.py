"""The folder of one evaluation: a JSON file per task as soon as it is scored, then the tables.

An evaluation that was cut short goes on in its own folder when the same is asked again; one that has finished is never
touched, the next gets the next number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

from olmoearth_core.errors import DataError
from olmoearth_core.evaluate.results import Row, as_json, from_json, markdown

FORMAT = 2
HEADER, TABLE, TOGETHER = "evaluation.json", "table.md", "rows.parquet"
SUFFIX = ".task.json"


@dataclass(frozen=True)
class Session:
    """One evaluation. header: what it is of; two with equal headers are the same evaluation."""

    folder: Path
    header: Mapping[str, Any]

    def done(self, task: str) -> list[Row] | None:
        """Return the rows of a task that was scored before the interruption, None where it was not."""
        path = self._path(task)
        return read_rows(path) if path.is_file() else None

    def keep(self, task: str, rows: Sequence[Row], extra: Mapping[str, Any]) -> Path:
        """Write the rows of a task. extra: what is worth knowing but is not the same twice (times, memory)."""
        path = self._path(task)
        _write(path, {"format": FORMAT, "task": task, **extra, "rows": [as_json(row) for row in rows]})
        return path

    def finish(self, rows: Sequence[Row]) -> Path:
        """Write the tables of all tasks, and say in the header that this is all; return the Markdown table."""
        table = self.folder / TABLE
        _text(table, f"# {self.header.get('title', 'Evaluation')}\n\n{markdown(rows)}")
        if find_spec("pyarrow") and find_spec("pandas"):
            _parquet(self.folder / TOGETHER, rows)
        _write(self.folder / HEADER, {"format": FORMAT, **self.header, "finished": True})
        return table

    def _path(self, task: str) -> Path:
        safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in task)
        return self.folder / f"{safe}{SUFFIX}"


def session(home: Path, stem: str, header: Mapping[str, Any]) -> Session:
    """Return the unfinished session of the same header below `home`, else a new, numbered one.

    Raises:
        DataError: the folder cannot be written.
    """
    number = 1
    while (folder := home / f"{stem}-{number:03d}").exists():
        found = _header(folder)
        if found is not None and not found.pop("finished", True) and found == _as_read(header):
            return Session(folder, header)
        number += 1
    try:
        folder.mkdir(parents=True)
    except OSError as cause:
        raise DataError(
            f"{folder}: results cannot be written there ({cause}). Name another folder with --out."
        ) from cause
    _write(folder / HEADER, {"format": FORMAT, **header, "finished": False})
    return Session(folder, header)


def read_rows(path: Path) -> list[Row]:
    """Read the rows of one task.

    Raises:
        DataError: the file is not one that an evaluation wrote.
    """
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        rows = body["rows"]
        assert_rows = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as cause:
        raise DataError(f"{path}: found no result of an evaluation ({cause}). Delete it and evaluate again.") from cause
    if not assert_rows:
        raise DataError(f'{path}: found no list of rows under "rows". Delete it and evaluate again.')
    return [from_json(row, str(path)) for row in rows]


def finished_below(home: Path) -> list[Path]:
    """Return the folders of the evaluations directly below `home` that have finished, by name."""
    headers = {path.parent: _header(path.parent) for path in sorted(home.glob(f"*/{HEADER}"))}
    return [folder for folder, header in headers.items() if header is not None and header.get("finished")]


def rows_of(folder: Path) -> dict[str, list[Row]]:
    """Return the rows of an evaluation by task.

    Raises:
        DataError: a file is not one that an evaluation wrote.
    """
    files = (read_rows(path) for path in sorted(folder.glob(f"*{SUFFIX}")))
    return {rows[0].task: rows for rows in files if rows}


def _header(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / HEADER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _as_read(header: Mapping[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps({"format": FORMAT, **header}))
    return read


def _write(path: Path, body: Mapping[str, Any]) -> None:
    _text(path, json.dumps(body, indent=1, allow_nan=False) + "\n")


def _text(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.{uuid4().hex[:8]}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _parquet(path: Path, rows: Sequence[Row]) -> None:
    """Write one line per row; nested values as JSON text."""
    import pandas  # type: ignore[import-untyped]

    lines = [
        {key: json.dumps(v) if isinstance(v, (dict, list)) else v for key, v in as_json(row).items()} for row in rows
    ]
    part = path.with_name(f"{path.name}.{uuid4().hex[:8]}.part")
    pandas.DataFrame(lines).to_parquet(part, index=False)
    part.replace(path)
