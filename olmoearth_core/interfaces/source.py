"""Sources: whatever can write a data set somewhere (a simulated landscape, an importer of somebody's files).

A source decides what the data are; it is told where to put them and which modalities exist.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from olmoearth_core.interfaces.modality import ModalitySpec

Progress = Callable[[int, int], None]
"""Called with (items done, items in all) after each item."""
Written = Literal["tiles", "h5"]
""""tiles" = a GeoTIFF tile store that `convert` reads, "h5" = sample files that the loader reads."""


@runtime_checkable
class Source(Protocol):
    """A writer of a data set.

    Frozen dataclasses with fields of these names will do.
    """

    @property
    def name(self) -> str:
        """The component's name."""
        ...

    @property
    def writes(self) -> Written:
        """What it writes."""
        ...

    def write(self, out: str | Path, specs: Sequence[ModalitySpec], *, progress: Progress | None = None) -> Path:
        """Write the data set below `out` and return the folder that the next step takes.

        specs: the modalities to write; one that this source knows nothing about is left out, not an error.
        The tile store for "tiles", the numbered sample folder for "h5". Writing twice gives the same files.
        """
        ...
