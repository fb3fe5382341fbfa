"""What a checkpoint format must do: know its own folders and names, and open them.

A package teaches `load_model` another family's layout by registering one under the kind `checkpoint_formats`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import nn

    from olmoearth_core.models.card import ModelCard


@dataclass(frozen=True)
class Remote:
    """A model on the Hugging Face hub.

    repo: "owner/name". papers: patterns of the small files that describe it; weights: of the large ones.
    revision: branch, tag or commit; None = the main branch.
    """

    repo: str
    papers: tuple[str, ...]
    weights: tuple[str, ...]
    revision: str | None = None


@runtime_checkable
class CheckpointFormat(Protocol):
    """One layout of a folder that holds a model.

    layout: what such a folder holds, in a few words, for the error when no format knows a folder.
    names: models that it can fetch by name, as people write them.
    files: names of the files in such a folder, for places that cannot be listed; () = they differ from model to model.
    """

    @property
    def layout(self) -> str: ...  # noqa: D102
    @property
    def names(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def files(self) -> Sequence[str]: ...  # noqa: D102

    def recognises(self, folder: Path) -> bool:
        """Return whether a folder looks like this format, complete or damaged; reads no weights."""
        ...

    def resolve(self, name: str) -> Remote | None:
        """Return what a name stands for, whatever its case; None for a name that is not of this format."""
        ...

    def open(self, folder: Path, *, load_weights: bool, remote: Remote | None) -> tuple[nn.Module, ModelCard]:
        """Return the model on the CPU and what is known of it.

        load_weights: False = fresh weights, and no file of weights is needed. remote: where the folder came from.

        Raises:
            CheckpointError: saying which file, what was found, what was expected and what to do.
        """
        ...
