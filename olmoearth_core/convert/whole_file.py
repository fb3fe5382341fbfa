"""Files appear whole or not at all: written under a name that nobody else uses, then renamed."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def unfinished(path: Path) -> Path:
    """Return a hidden name beside `path`; unique, because machines that share a folder may share process ids."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file and give it its name."""
    temporary = unfinished(path)
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, UTF-8 with LF, and give it its name."""
    write_bytes(path, text.encode())
