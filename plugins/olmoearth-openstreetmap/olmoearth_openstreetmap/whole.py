"""Files written at once or not at all, with a refusal of the folder said in our words."""

from __future__ import annotations

from pathlib import Path

from olmoearth_core.convert.whole_file import write_bytes
from olmoearth_core.errors import DataError


def write_whole(path: Path, text: str) -> Path:
    """Write text as UTF-8, line endings as they are, and return the path; DataError where that is impossible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, text.encode())
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror}). Give another place.") from error
    return path
