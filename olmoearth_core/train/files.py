"""Write small files so that nothing half-written ever stands under a final name."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from olmoearth_core.errors import TrainingError


def write_text(path: Path, text: str) -> None:
    """Write a file beside its final name, then rename it.

    Raises:
        TrainingError: the disk is full or the folder may not be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        beside.unlink(missing_ok=True) if beside.parent.is_dir() else None


def write_json(path: Path, value: Any) -> None:
    """Write plain values as readable JSON."""
    write_text(path, json.dumps(value, indent=1, sort_keys=False) + "\n")


def cannot_write(path: Path, error: OSError) -> TrainingError:
    """Return the error that says why a path of a run cannot be written and what to do."""
    return TrainingError(
        f"{path}: cannot be written ({error.strerror or error}). The run needs a folder with free space that you may "
        "write to: make room, or name another one by --run.root."
    )
