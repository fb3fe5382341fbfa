"""Task blocks out of a JSON table that lies beside this file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Table:
    """Keeps the promise `interfaces.tasks.TaskList`. file: name of the table, which holds "about" and "tasks"."""

    name: str
    file: str

    def blocks(self) -> dict[str, dict[str, Any]]:
        """Return the blocks, read anew, so that nobody shares them."""
        text = files(__package__).joinpath(self.file).read_text("utf-8")
        blocks: dict[str, dict[str, Any]] = json.loads(text)["tasks"]
        return blocks
